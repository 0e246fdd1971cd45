// The apply of gradients with a decay by channel: its state decays along the columns of X.
import { unitRoundoff, type Backend } from "@dlrt/core";
import { gate, omegaApply, omegaState } from "@dlrt/core/reference";
import { createWasmBackend, type WasmTensor } from "@dlrt/backend-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decaying, families } from "./gaps.js";
import { BUILDS } from "./problem.js";

const plain = (t: WasmTensor): Float64Array => Float64Array.from(t.data);

describe.each(BUILDS.filter(({ build }) => build === "simd"))("relaxed: $relaxed", (options) => {
  let backend: Backend<WasmTensor>;
  beforeAll(async () => {
    backend = await createWasmBackend(options);
  });
  afterAll(() => backend.dispose());

  test.each(["f32", "f64"] as const)("%s: a state that decays along its columns", (dtype) => {
    for (const [name, family] of Object.entries(families)) {
      for (const [n, r, p] of [
        [40, 5, 12],
        [21, 20, 7],
      ] as const) {
        const made = decaying(backend, dtype, [n, r, p], family, "row");
        const across = decaying(backend, dtype, [n, p, 1], family, "channel");
        const finalState = backend.empty([1, r, p], dtype);
        const out = backend.empty([1, n, p], dtype);
        for (const trans of [false, true]) {
          for (const t of [out, finalState]) t.data.fill(Number.NaN);
          backend.kernels.apply({
            batch: 1,
            n,
            r,
            p,
            op: { ...made.op, decay: across.op.decay },
            x: made.b,
            out,
            trans,
            alpha: 1,
            initialState: made.state,
            finalState,
            decayOn: "columns",
          });
          // Each column is an operator of its own.
          for (let j = 0; j < p; j++) {
            const column = (t: WasmTensor): Float64Array => plain(t).filter((_, at) => at % p === j);
            const op = { ...made.reference, decay: column(across.op.decay) };
            const [x, state] = [column(made.b), column(made.state)];
            const y = omegaApply(op, column(out), x, 1, { trans, initialState: state, dtype });
            const z = omegaState(op, column(finalState), x, 1, { trans, initialState: state });
            const says = `${name}, n, r, p = ${n}, ${r}, ${p}, column ${j}, trans: ${trans}`;
            expect(Math.max(y, z) / unitRoundoff[dtype], says).toBeLessThanOrEqual(gate(r));
          }
        }
        for (const t of [made, across, finalState, out]) t.dispose();
      }
    }
  });
});
