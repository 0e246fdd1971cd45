/** Stable, machine-readable error codes; the message may change, these do not. */
export type ErrorCode =
  | "SHAPE"
  | "DTYPE"
  | "VALUE"
  | "SINGULAR"
  | "UNSUPPORTED"
  | "DISPOSED"
  | "DEVICE_LOST"
  | "LIMIT";

/** Base of every error this library throws. `instanceof DlrtError`, then `switch (error.code)`. */
export abstract class DlrtError extends Error {
  abstract readonly code: ErrorCode;
}

function say(argument: string, expected: string, received: string): string {
  return `${argument}: expected ${expected}, got ${received}`;
}

/** Base of the errors that blame one argument; the message is "argument: expected …, got …". */
export abstract class ArgumentError extends DlrtError {
  constructor(
    readonly argument: string,
    readonly expected: string,
    readonly received: string,
  ) {
    super(say(argument, expected, received));
  }
}

/** A shape, stride, offset or length does not fit. */
export class ShapeError extends ArgumentError {
  override readonly name = "ShapeError";
  readonly code = "SHAPE";
}

/** A dtype is unknown, or differs from the operator's. */
export class DtypeError extends ArgumentError {
  override readonly name = "DtypeError";
  readonly code = "DTYPE";
}

/** Any other bad value: an option out of range, an alias that is not allowed, a tensor of another backend. */
export class ValueError extends ArgumentError {
  override readonly name = "ValueError";
  readonly code = "VALUE";
}

/** The backend cannot do what was asked (dtype, operation, option). */
export class UnsupportedError extends ArgumentError {
  override readonly name = "UnsupportedError";
  readonly code = "UNSUPPORTED";
}

/** λ is zero, or counts as zero on this backend, so T has no inverse. Thrown only with `check: true`. */
export class SingularError extends DlrtError {
  override readonly name = "SingularError";
  readonly code = "SINGULAR";
  constructor(
    readonly batch: number,
    readonly row: number,
    /** The λ found there: 0, or a subnormal number where `supports.flushesSubnormals` is set. */
    readonly lambda: number = 0,
  ) {
    const what = lambda === 0 ? "0" : `${lambda}, which this backend flushes to 0,`;
    super(`diag: expected a non-zero λ in every row, got ${what} at batch ${batch}, row ${row}`);
  }
}

/** A tensor or backend was used after its dispose(), or a tensor whose memory is gone. */
export class DisposedError extends DlrtError {
  override readonly name = "DisposedError";
  readonly code = "DISPOSED";
  /** Creates the error. `detail` says what became of the object where nobody called its dispose(). */
  constructor(
    readonly argument: string,
    detail = "",
  ) {
    super(`${argument}: expected a live object, got one ${detail || "that was disposed"}`);
  }
}

/** The device behind the backend is gone; its tensors are dead. Make a new backend. */
export class DeviceLostError extends DlrtError {
  override readonly name = "DeviceLostError";
  readonly code = "DEVICE_LOST";
}

/** More was asked than the backend or device can hold. Nothing was allocated. */
export class LimitError extends DlrtError {
  override readonly name = "LimitError";
  readonly code = "LIMIT";
  constructor(
    readonly argument: string,
    /** How many bytes were asked for. */
    readonly requested: number,
    /** How many bytes would have been allowed. NaN where only the device knows. */
    readonly limit: number,
    detail = "",
  ) {
    super(
      `${argument}: expected at most ${Number.isNaN(limit) ? "what memory allows" : `${limit} bytes`}, ` +
        `got ${requested} bytes${detail && ` (${detail})`}`,
    );
  }
}
