import { apply, applyVjp, solve, solveVjp, type DiagLowRankTril, type Tensor } from "@dlrt/core";
import { dot, product, sum, sumHeads } from "../engine/elementwise.js";
import { rowsOf, type Packed } from "../engine/packed.js";
import { sharedIdentity } from "../engine/products.js";
import type { Scope } from "../engine/scope.js";
import type { Tape, Value } from "../engine/tape.js";
import type { CheckedAttention } from "./check.js";

/** What the forward pass hands to the backward pass. */
interface Path<T extends Tensor> {
  readonly call: CheckedAttention<T>;
  readonly query: Value<T>;
  readonly key: Value<T>;
  readonly erase: Value<T>;
  /** β w */
  readonly gatedErase: Value<T>;
  /** T = I + tril(β W Wᵀ, −1), with an entry for each head of the key */
  readonly eraser: DiagLowRankTril<T> & { readonly diag: T };
  /** tril(Q Wᵀ), with an entry for each head of the output */
  readonly reader: DiagLowRankTril<T> & { readonly diag: T };
  /** Y = T⁻¹ tril(β W Kᵀ, −1), with an entry for each head of the key */
  readonly solved: T;
  /** Y once more, with an entry for each head of the output, which share it */
  readonly sharedSolved: T;
}

/** Returns all rows with `heads` entries for each sequence, without a copy. */
const view = <T extends Tensor>(
  scope: Scope<T>,
  { call }: Pick<Path<T>, "call">,
  x: Packed<T>,
  heads: number,
): T => rowsOf(scope.backend, x, { batch: call.batch, start: 0, rows: call.tokens, state: 0 }, heads);

/**
 * Computes the logits as an array of B·heads sequences, [B·heads, T, T], and records the way back.
 * @returns them, and the inputs as values of the tape, which have their gradients after `tape.backward`
 */
export function pathOutput<T extends Tensor>(
  tape: Tape<T>,
  call: CheckedAttention<T>,
): { readonly output: Value<T>; readonly values: Record<string, Value<T>> } {
  const { scope } = tape;
  const { backend } = scope;
  const { batch, tokens, heads, outHeads, scale } = call;
  const entries = Object.entries(call.inputs).map(([name, packed]) => [name, tape.value(packed)] as const);
  const values = Object.fromEntries(entries);
  const { query, key, erase, beta } = values as Record<"query" | "key" | "erase" | "beta", Value<T>>;
  const gatedErase = tape.product(erase, beta);
  const of = (x: Packed<T>, count: number): T => view(scope, { call }, x, count);
  const pair = (q: Packed<T>, k: Packed<T>, count: number) => ({ q: of(q, count), k: of(k, count) });
  const one = scope.repeated(1, [batch * heads.key, tokens, 1]);
  const eraser = { diag: one, ...pair(gatedErase, erase, heads.key) };
  const unitOfKeys = sharedIdentity(scope, batch * heads.key, tokens);
  const seen = scope.own(apply(backend, pair(gatedErase, key, heads.key), unitOfKeys));
  const solved = scope.own(solve(backend, eraser, seen));
  const sharedSolved = sharedEntries(scope, solved, heads.key, outHeads);
  const reader = { diag: of(dot(scope, query, erase), outHeads), ...pair(query, erase, outHeads) };
  const direct = { diag: of(dot(scope, query, key), outHeads), ...pair(query, key, outHeads) };
  const rows = (tensor: T): Packed<T> => ({ tensor: scope.own(tensor), heads: 1, width: tokens });
  const total = sum(
    scope,
    rows(apply(backend, direct, sharedIdentity(scope, batch * outHeads, tokens), { alpha: scale })),
    rows(apply(backend, reader, sharedSolved, { alpha: -scale })),
  );
  const path = { call, query, key, erase, gatedErase, eraser, reader, solved, sharedSolved };
  return { output: tape.derived(total, ({ tensor }) => pathBack(tape, path, tensor)), values };
}

/** Takes the cotangent of the logits back to the rows. Its upper triangle plays no part, since every operator here is lower triangular. */
function pathBack<T extends Tensor>(tape: Tape<T>, path: Path<T>, bar: T): void {
  const { scope } = tape;
  const { backend } = scope;
  const { call, query, key, erase, gatedErase, eraser, reader, solved, sharedSolved } = path;
  const { batch, tokens, heads, outHeads, scale } = call;
  const gather = (value: Value<T>, x: Packed<T>): void =>
    tape.gather(value, () => sumHeads(scope, x, value.heads));
  const gradientsOfOperator = (count: number) => {
    const make = (width: number): Packed<T> => scope.packed(batch, tokens, count, width);
    const packed = { q: make(key.width), k: make(key.width), diag: make(1) };
    const of = (x: Packed<T>): T => view(scope, path, x, count);
    return { ...packed, out: { q: of(packed.q), k: of(packed.k), diag: of(packed.diag) } };
  };
  productBack(tape, path, { cotangent: bar, alpha: scale, diag: diagonal(scope, bar) }, query, key, outHeads);
  const read = gradientsOfOperator(outHeads);
  const solvedBar = scope.empty(bar.shape);
  applyVjp(backend, reader, sharedSolved, bar, { alpha: -scale, out: { ...read.out, x: solvedBar } });
  gather(query, read.q);
  gather(erase, read.k);
  gather(query, product(scope, read.diag, erase));
  gather(erase, product(scope, read.diag, query));
  const erasing = gradientsOfOperator(heads.key);
  const seenBar = scope.empty(solved.shape);
  const summed = sumEntries(scope, solvedBar, batch * heads.key);
  solveVjp(backend, eraser, solved, summed, { out: { ...erasing.out, b: seenBar } });
  gather(gatedErase, erasing.q);
  gather(erase, erasing.k);
  productBack(tape, path, { cotangent: seenBar, alpha: 1 }, gatedErase, key, heads.key);
}

/**
 * Computes the gradients of α tril(L Rᵀ), with its diagonal or without it, for the rows of L and R: α tril(C) R and
 * α tril(C)ᵀ L, where C is the cotangent.
 * @param heads is the number of entries for each sequence
 */
function productBack<T extends Tensor>(
  tape: Tape<T>,
  path: Path<T>,
  { cotangent, alpha, diag }: { readonly cotangent: T; readonly alpha: number; readonly diag?: T },
  left: Value<T>,
  right: Value<T>,
  heads: number,
): void {
  const { scope } = tape;
  const { batch, tokens } = path.call;
  const op = { q: cotangent, k: sharedIdentity(scope, batch * heads, tokens), ...(diag && { diag }) };
  for (const [to, x, trans] of [
    [left, right, false],
    [right, left, true],
  ] as const) {
    const gradient = scope.packed(batch, tokens, heads, to.width);
    const out = view(scope, path, gradient, heads);
    apply(scope.backend, op, view(scope, path, x, heads), { alpha, trans, out });
    tape.gather(to, () => sumHeads(scope, gradient, to.heads));
  }
}

/** Copies the diagonals of n×n arrays: [batch, n, 1]. */
function diagonal<T extends Tensor>(scope: Scope<T>, t: T): T {
  const [batch, n] = t.shape;
  const layout = { ...t.layout, offset: 0, row: t.layout.row + 1 };
  return scope.copy(scope.backend.view(t, [batch, n, 1], layout), scope.empty([batch, n, 1]));
}

/** Returns n×n arrays, of which each sequence has `stored`, as those of `heads` heads that share them evenly, without a copy. */
function sharedEntries<T extends Tensor>(scope: Scope<T>, t: T, stored: number, heads: number): T {
  const [count, n, cols] = t.shape;
  return scope.backend.view(t, [(count / stored) * heads, n, cols], {
    offset: 0,
    heads,
    shared: heads / stored,
    batch: stored * n * cols,
    head: n * cols,
    row: cols,
  });
}

/** Adds up n×n arrays of neighbouring entries, so that `count` are left. */
function sumEntries<T extends Tensor>(scope: Scope<T>, t: T, count: number): T {
  const [entries, n, cols] = t.shape;
  const width = n * cols;
  const one = { offset: 0, heads: 1, shared: 1, batch: 0, head: 0, row: entries * width };
  const tensor = scope.backend.view(t, [1, 1, entries * width], one);
  const summed = sumHeads(scope, { tensor, heads: entries, width }, count).tensor;
  const each = { offset: 0, heads: 1, shared: 1, batch: width, head: 0, row: cols };
  return scope.backend.view(summed, [count, n, cols], each);
}
