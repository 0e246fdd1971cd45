// The model as a file: .safetensors, with the names that flash-linear-attention gives parameters.
import { readFileSync, writeFileSync } from "node:fs";
import { openSafetensors, writeSafetensors } from "@dlrt/arrays";
import { Alphabet } from "./corpus.mjs";
import { countOf, places, plan } from "./parameters.mjs";

/** @param {Float32Array} parameters @param {"f32" | "bf16" | "f16"} dtype A_log and dt_bias stay f32, as everywhere */
export function save(path, parameters, sizes, alphabet, dtype = "f32") {
  const tensors = places(plan(sizes)).map(({ name, shape, from, to }) => {
    const fine = /(A_log|dt_bias)$/.test(name);
    return [name, { data: parameters.slice(from, to), shape, dtype: fine ? "f32" : dtype }];
  });
  const metadata = {
    format: "pt",
    sizes: JSON.stringify(sizes),
    characters: JSON.stringify(alphabet.characters),
  };
  writeFileSync(path, writeSafetensors(tensors, { metadata }));
}

/** @returns {{ parameters: Float32Array, sizes, alphabet: Alphabet }} @throws FormatError, Error where a parameter has another shape */
export function load(path) {
  const { tensors, metadata, read } = openSafetensors(readFileSync(path), path);
  const sizes = JSON.parse(metadata.sizes);
  const parameters = new Float32Array(countOf(plan(sizes)));
  for (const { name, shape, from } of places(plan(sizes))) {
    const stored = tensors.get(name)?.shape;
    if (`${stored}` !== `${shape}`)
      throw new Error(
        `${path}: ${name} of shape [${shape}] expected, got ${stored ? `[${stored}]` : "none"}`,
      );
    parameters.set(read(name).data, from);
  }
  return { parameters, sizes, alphabet: new Alphabet(JSON.parse(metadata.characters)) };
}
