import {
  elementCount,
  newFloatArray,
  type Backend,
  type FloatArray,
  type HostTensor,
  type HostView,
  type Tensor,
} from "@dlrt/core";
import { checkView, fillArray, isContiguous, readView, Scope } from "@dlrt/core/backend";
import type { LayerFunction } from "../engine/intercept.js";
import type { Rule } from "../engine/rule.js";
import type { HostCall } from "./prepare.js";

/**
 * How many bytes the inputs and the output of a piece of tokens have together. They stay in a core's second-level cache, so that the layer
 * reads what was just copied to it, and its output is copied out, without going through main memory. That saves a tenth of the time of a
 * layer whose arrays come and go.
 */
const PIECE_BYTES = 3 * 2 ** 20;
/** The least tokens of a piece: fewer are computed in less time than the call around them takes. */
const LEAST_TOKENS = 128;
/** The tokens of every piece but the last are a multiple of this, so that no chunk is cut. */
const MULTIPLE = 64;

/** A layer of this package, whichever it is. */
export type AnyLayer = LayerFunction<never, Tensor>;

/** The results of a call on plain arrays. */
export interface HostOutcome {
  readonly output: FloatArray;
  readonly finalState?: FloatArray | undefined;
}

/** How a call's arrays are cut along the tokens. */
interface Cut {
  /** B */
  readonly batch: number;
  /** T */
  readonly tokens: number;
  /** The tokens of every piece but the last. */
  readonly piece: number;
  /** The rows of each input for one token; 0 where one row serves all tokens. */
  readonly rows: Readonly<Record<string, number>>;
}

const isList = (given: unknown): boolean =>
  Array.isArray(given) && given.length === 3 && given.every(Number.isSafeInteger);

/** Tells whether a view can be cut without a look at its elements. */
const isCuttable = ({ data, strides, offset }: HostView): boolean =>
  ArrayBuffer.isView(data) &&
  (strides === undefined || isList(strides)) &&
  (offset === undefined || Number.isSafeInteger(offset));

/** Returns how a call is cut into pieces; undefined where it is one piece, and where something does not fit. */
function cutOf(rule: Rule, { views, options, outShape }: HostCall): Cut | undefined {
  if (options.sequences !== undefined || options.padding !== undefined) return undefined;
  const given = Object.entries(views);
  if (!given.every(([, view]) => isCuttable(view))) return undefined;
  const [batch, tokens, outColumns] = outShape;
  if (tokens === 0) return undefined;
  let columns = outColumns;
  const rows: Record<string, number> = {};
  for (const [name, { shape }] of given) {
    if (rule.inputs[name]?.role === "parameter") {
      rows[name] = 0;
      continue;
    }
    const perToken = shape[1] / tokens;
    if (shape[0] !== batch || !Number.isInteger(perToken) || perToken === 0) return undefined;
    rows[name] = perToken;
    columns += perToken * shape[2];
  }
  const bytes = batch * columns * given[0]![1].data.BYTES_PER_ELEMENT;
  const fit = Math.round(PIECE_BYTES / bytes / MULTIPLE) * MULTIPLE;
  const piece = Math.max(fit, LEAST_TOKENS);
  return tokens >= 2 * piece ? { batch, tokens, piece, rows } : undefined;
}

/** Tells whether the host reaches the elements of a backend's tensors, so that bringing them in costs no more than a copy. */
function reaches(backend: Backend): boolean {
  const probe = backend.empty([1, 1, 1], backend.supports.dtypes[0]!);
  probe.dispose();
  return "data" in probe;
}

/** Returns the rows of an array that belong to the tokens `from` to `to`, the last of them excluded, without a copy. */
function viewOfTokens(
  { data, shape, strides, offset = 0 }: HostView,
  perToken: number,
  from: number,
  to: number,
): HostView {
  const [batch, rows, columns] = shape;
  const steps = strides ?? ([rows * columns, columns, 1] as const);
  return {
    data,
    shape: [batch, (to - from) * perToken, columns],
    strides: steps,
    offset: offset + from * perToken * steps[1],
  };
}

/** Writes the output of a piece, [B, its tokens, columns], into the output of all tokens, from the token `from` on. */
function placeOutput(piece: HostTensor, into: FloatArray, from: number, tokens: number): void {
  const [batch, rows, columns] = piece.shape;
  const own = isContiguous(piece) ? piece.data.subarray(piece.layout.offset) : readView(piece);
  const size = rows * columns;
  for (let b = 0; b < batch; b++)
    fillArray("output", into, own.subarray(b * size, (b + 1) * size), (b * tokens + from) * columns);
}

/**
 * Checks that the arrays hold the last piece. Where they hold the first one too, they hold those between.
 * @throws ShapeError
 */
function checkLast({ supports }: Backend, { views }: HostCall, { tokens, piece, rows }: Cut): void {
  const from = Math.floor((tokens - 1) / piece) * piece;
  for (const [name, view] of Object.entries(views))
    if (rows[name] !== 0) checkView(viewOfTokens(view, rows[name]!, from, tokens), supports);
}

/** A call that goes through its tokens in pieces. It owns the tensors that the pieces share. */
class Stream extends Scope {
  /** The output of all tokens. Absent before the first piece, unless the caller gave an array. */
  output: FloatArray | undefined;
  /** S before the next piece. Absent before the first piece, where it begins from 0. */
  state: Tensor | undefined;
  /** The inputs that have one row for all tokens. */
  readonly #parameters: Record<string, Tensor> = {};

  constructor(
    backend: Backend,
    readonly layer: AnyLayer,
    readonly call: HostCall,
    readonly cut: Cut,
  ) {
    super(backend);
    this.output = call.output;
  }

  /** Uploads what all pieces share, before the first of them. */
  begin(): void {
    const { views, initial } = this.call;
    this.state = initial && this.own(this.backend.upload(initial));
    for (const [name, view] of Object.entries(views))
      if (this.cut.rows[name] === 0) this.#parameters[name] = this.own(this.backend.upload(view));
  }

  /** Uploads the inputs of the tokens `from` to `to`. @param piece owns them */
  #inputs(from: number, to: number, piece: Scope): Record<string, Tensor> {
    const { rows } = this.cut;
    const inputs = { ...this.#parameters };
    for (const [name, view] of Object.entries(this.call.views))
      if (rows[name] !== 0)
        inputs[name] = piece.own(this.backend.upload(viewOfTokens(view, rows[name]!, from, to)));
    return inputs;
  }

  /** Computes the piece that begins at the token `from`, and writes its output. */
  step(from: number): void {
    const { backend, layer, call, cut } = this;
    const piece = new Scope(backend);
    try {
      const inputs = this.#inputs(from, Math.min(from + cut.piece, cut.tokens), piece);
      const states = { initialState: this.state, finalState: this.state ?? true };
      const { output, finalState } = layer(backend, inputs as never, { ...call.options, ...states });
      piece.own(output);
      this.state ??= this.own(finalState!);
      this.output ??= newFloatArray(output.dtype, elementCount(call.outShape));
      placeOutput(output as HostTensor, this.output, from, cut.tokens);
    } finally {
      piece.dispose();
    }
  }
}

/**
 * Computes a call piece by piece along the tokens, handing the state on, so that the backend holds one piece of the arrays at a time.
 * @returns undefined where the call is one piece, and where the host does not reach the elements of the backend's tensors. It is undefined
 * too, before anything is written, where an array does not hold all pieces or where the first piece is refused: the caller then computes
 * the whole at once, so that the error speaks of the whole arrays
 */
export async function inPieces(
  backend: Backend,
  layer: AnyLayer,
  rule: Rule,
  call: HostCall,
): Promise<HostOutcome | undefined> {
  const cut = cutOf(rule, call);
  if (cut === undefined || !reaches(backend)) return undefined;
  const stream = new Stream(backend, layer, call, cut);
  try {
    try {
      checkLast(backend, call, cut);
      stream.begin();
      stream.step(0);
    } catch {
      return undefined;
    }
    for (let from = cut.piece; from < cut.tokens; from += cut.piece) stream.step(from);
    const { output, state } = stream;
    return {
      output: output!,
      finalState: call.finalState === false ? undefined : await backend.read(state!),
    };
  } finally {
    stream.dispose();
  }
}
