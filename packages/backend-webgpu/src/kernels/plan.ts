import type { ShaderName } from "../generated/shaders.js";

/**
 * The type of a member of a shader's Params. "operand" is the struct of shaders/parts/operand.wgsl. A struct is aligned to
 * 16 bytes and it takes 32, so operands come first, and the members need no padding between them.
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
  /** The offset in bytes, a multiple of the device's `minStorageBufferOffsetAlignment`. */
  readonly offset: number;
  /** The size in bytes. */
  readonly size: number;
}

/**
 * Where the rows of one tensor lie in its binding, in the order in which a kernel visits them: core's `Layout`. Positions
 * and strides count elements (f32) or, where a shader binds array<vec4<f32>>, quads. Strides may be negative, and entry 0
 * may lie before the binding: shaders compute modulo 2³².
 */
export interface Operand extends Range {
  /** The position of the first row visited of the tensor's entry 0. */
  readonly base: number;
  readonly batch: number;
  readonly head: number;
  readonly row: number;
  readonly heads: number;
  readonly shared: number;
  /** The entry of the tensor that is entry 0 of the dispatch. */
  readonly entry: number;
}

export type ParamValue = number | Operand;

export interface Call<P extends string, B extends string, C extends string> {
  readonly params: Readonly<Record<P, ParamValue>>;
  readonly bindings: Readonly<Record<B, Range>>;
  readonly constants?: Readonly<Partial<Record<C, number>>>;
  readonly workgroups: number;
}

const OPERAND_BYTES = 32;
/** The bytes of the uniform buffer that the Params of each call are given. */
export const PARAMS_BYTES = 512;

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
      for (const [index, number] of [
        value.base,
        value.batch,
        value.head,
        value.row,
        value.heads,
        value.shared,
        value.entry,
      ].entries()) {
        into.setUint32(offset + 4 * index, number >>> 0, true);
      }
      offset += OPERAND_BYTES;
    } else {
      if (type === "f32") into.setFloat32(offset, value, true);
      else into.setUint32(offset, value, true);
      offset += 4;
    }
  }
  return offset - at;
}
