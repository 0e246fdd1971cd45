import type { ShaderName } from "../generated/shaders.js";

/**
 * The type of a member of a shader's Params. "operand" is a vec4<u32> that holds an Operand's base, batch stride and row
 * stride, and 0. A vec4 is aligned to 16 bytes, so operands come first, and the members need no padding between them.
 */
export type ParamType = "operand" | "u32" | "f32";
export type Access = "read" | "write";

/**
 * What a shader takes: the members of its uniform Params (binding 0), its storage buffers (bindings 1, 2, …, in this
 * order) and the names of its overrides. `test/shaders.test.ts` holds every plan against its shader.
 */
export interface Plan<P extends string = string, B extends string = string, C extends string = string> {
  readonly shader: ShaderName;
  readonly params: Readonly<Record<P, ParamType>>;
  readonly bindings: Readonly<Record<B, Access>>;
  readonly constants: readonly C[];
}

export function plan<P extends string, B extends string, C extends string>(of: Plan<P, B, C>): Plan<P, B, C> {
  return of;
}

/** The part of a buffer that one binding of a dispatch covers. */
export interface Range {
  readonly buffer: GPUBuffer;
  /** In bytes; a multiple of the device's `minStorageBufferOffsetAlignment`. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

/**
 * Where the rows of one tensor lie in its binding, in the order in which a kernel visits them. Positions and strides
 * count elements (f32) or, where a shader binds array<vec4<f32>>, quads. Strides may be negative: shaders compute them
 * modulo 2³².
 */
export interface Operand extends Range {
  /** Of the first row visited. */
  readonly base: number;
  readonly batchStride: number;
  readonly rowStride: number;
}

export type ParamValue = number | Operand;

export interface Call<P extends string, B extends string, C extends string> {
  readonly params: Readonly<Record<P, ParamValue>>;
  readonly bindings: Readonly<Record<B, Range>>;
  readonly constants?: Readonly<Partial<Record<C, number>>>;
  readonly workgroups: number;
}

/** Bytes that every call's Params are given in the uniform buffer. */
export const PARAMS_BYTES = 256;

/**
 * Writes the members of a Params in order.
 * @param at where in `into` it begins, in bytes
 * @returns how many bytes it takes
 */
export function writeParams(
  into: DataView,
  at: number,
  of: Plan,
  values: Readonly<Record<string, ParamValue>>,
): number {
  let offset = at;
  for (const [name, type] of Object.entries(of.params)) {
    const value = values[name]!;
    if (typeof value === "object") {
      into.setUint32(offset, value.base >>> 0, true);
      into.setUint32(offset + 4, value.batchStride >>> 0, true);
      into.setUint32(offset + 8, value.rowStride >>> 0, true);
      offset += 16;
    } else {
      if (type === "f32") into.setFloat32(offset, value, true);
      else into.setUint32(offset, value, true);
      offset += 4;
    }
  }
  return offset - at;
}
