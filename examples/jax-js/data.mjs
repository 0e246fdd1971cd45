import { numpy as np } from "@jax-js/jax";

/** Draws parameters, tokens and a target from a seed. Every token is to give the one before it. */
export function example({ tokens, width, heads, device }) {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // a linear congruential generator
    return state / 2 ** 31 - 1;
  };
  const array = (shape, f) =>
    np.array(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, f), { shape, device });
  const weight = (columns) => array([width, columns], () => random() * Math.sqrt(3 / width));
  const parameters = {
    query: weight(width),
    key: weight(width),
    value: weight(width),
    beta: weight(heads),
    decay: weight(heads),
    output: weight(width),
  };
  const rows = Float32Array.from({ length: tokens * width }, random);
  const x = array([1, tokens, width], (_, i) => rows[i]);
  const target = array([1, tokens, width], (_, i) => rows[i - width] ?? 0);
  return { parameters, data: { x, target }, heads };
}
