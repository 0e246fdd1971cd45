// The program that every kind of consumer runs: it solves 2 rows of rank 1, whose solution is exactly [1, 1] in f32.
export const IMPORTS = (
  from = (name) => name,
) => `import { createWasmBackend } from "${from("@dlrt/backend-wasm")}";
import { createJsBackend } from "${from("@dlrt/backend-js")}";
import { solve } from "${from("@dlrt/core/host")}";`;

/** The text of `answer(create, options)`, which returns the solution, the build and the fallback, or the name, argument and message of an error. */
export const ANSWER = `async function answer(create, options) {
  try {
    const backend = await create(options);
    const op = { shape: [1, 2, 1], diag: Float32Array.of(2, 4), q: Float32Array.of(1, 3), k: Float32Array.of(1, 1) };
    const y = Array.from(await solve(backend, op, Float32Array.of(2, 7)));
    const { build, fallback } = backend.supports;
    await backend.dispose();
    return { y, build, ...(fallback && { fallback }) };
  } catch ({ name, argument, message }) {
    return { error: name, argument, message };
  }
}`;

/** Returns what `answer` returns where all is well. */
export const right = (build) => ({ y: [1, 1], build });
