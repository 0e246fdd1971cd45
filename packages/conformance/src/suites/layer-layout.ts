/** A layer with grouped heads, all of whose arrays are columns of one packed array. */
import { heads, newFloatArray, solve, type DecayKind, type Tensor } from "@dlrt/core";
import { Random } from "../random.js";
import { demand, type Trial } from "../trial.js";

/** Returns the operator that is among these tensors. */
export function operatorOf({ diag, q, k, decay }: Readonly<Record<string, Tensor>>): {
  diag: Tensor;
  q: Tensor;
  k: Tensor;
  decay?: Tensor;
} {
  return { diag: diag!, q: q!, k: k!, ...(decay && { decay }) };
}

/**
 * Solves a layer where it lies: query and key are [B, T, H·r], and several value heads share each of their heads; value
 * and output are [B, T, H'·p], λ and the decay [B, T, H'] or [B, T, H'·r]. All of them are columns of one packed array.
 * The result must be that of contiguous copies, and nothing may be copied or counted.
 */
export async function layer(trial: Trial, kind: DecayKind): Promise<void> {
  const dtype = trial.subject.dtype!;
  const all = [
    [2, 70, 2, 3, 4, 5],
    [2, 17, 1, 4, 8, 8],
    [1, 33, 3, 1, 16, 3],
  ] as const;
  for (const [index, [sequences, rows, keyHeads, shared, r, p]] of all.entries()) {
    const valueHeads = keyHeads * shared;
    const batch = sequences * valueHeads;
    const n = Math.min(rows, Math.floor(trial.plan.maxWork / (batch * r * p)));
    if (n < 2 || batch > trial.plan.maxN || n > trial.plan.maxN) continue;
    const widths = {
      ...{ q: keyHeads * r, k: keyHeads * r, rhs: valueHeads * p, out: valueHeads * p, diag: valueHeads },
      ...(kind !== "none" && { decay: kind === "row" ? valueHeads : valueHeads * r }),
    };
    const width = Object.values(widths).reduce((sum, cols) => sum + cols, 0);
    await trial.scoped(async (scope) => {
      const random = new Random(trial.plan.seed + index);
      const data = newFloatArray(dtype, sequences * n * width);
      const scale = 1 / Math.sqrt(n);
      for (let at = 0; at < data.length; at++) data[at] = -Math.abs(scale * random.normal()) - 0.01;
      const packed = scope.put(data, [sequences, n, width]);
      const before = scope.backend.memory();
      const views: Record<string, Tensor> = {};
      let column = 0;
      for (const [name, cols] of Object.entries(widths)) {
        const lies = { offset: column, heads: 1, shared: 1, batch: n * width, head: 0, row: width };
        const part = scope.own(scope.backend.view(packed, [sequences, n, cols], lies));
        const isKey = name === "q" || name === "k";
        views[name] = scope.own(
          isKey ? heads(scope.backend, part, keyHeads, { shared }) : heads(scope.backend, part, valueHeads),
        );
        column += cols;
      }
      const copies: Record<string, Tensor> = {};
      for (const [name, view] of Object.entries(views)) {
        copies[name] = scope.put(await scope.read(view), view.shape);
      }
      const call = { trans: index % 2 === 1 };
      const want = await scope.read(
        scope.own(solve(scope.backend, operatorOf(copies), copies["rhs"]!, call)),
      );
      const live = scope.backend.memory();
      solve(scope.backend, operatorOf(views), views["rhs"]!, { ...call, out: views["out"] });
      await scope.sync();
      const now = scope.backend.memory();
      const where = `solve of ${sequences} sequences of ${n} rows, ${keyHeads} key heads for ${valueHeads}, r ${r}, p ${p}`;
      demand(now.tensors === live.tensors, `${where}: made ${now.tensors - live.tensors} tensors of its own`);
      demand(live.tensors === before.tensors + Object.keys(copies).length + 1, `${where}: views are counted`);
      const got = await scope.read(views["out"]!);
      const at = want.findIndex((value, place) => !Object.is(value, got[place]));
      demand(at < 0, `${where}: element ${at} is ${got[at]}, ${want[at]} from contiguous copies`);
      const whole = await scope.read(packed);
      const [first, end] = [2 * widths.q + widths.rhs, 2 * widths.q + 2 * widths.rhs];
      const inOut = (place: number): boolean => place % width >= first && place % width < end;
      const spoilt = data.findIndex((value, place) => !inOut(place) && !Object.is(value, whole[place]));
      demand(spoilt < 0, `${where}: an input was changed, column ${spoilt % width} of the packed array`);
    });
    trial.count();
  }
}
