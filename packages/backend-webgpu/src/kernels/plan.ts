import type { ShaderName } from "../generated/shaders.js";

/** "operand" is a vec4<u32>: base, batch stride, row stride, 0. Operands come first, so that no padding is needed. */
export type ParamType = "operand" | "u32" | "f32";
export type Access = "read" | "write";

/** What a shader takes: the members of its Params (binding 0), its storage bindings (1, 2, …) and its overrides. */
export interface Plan<P extends string = string, B extends string = string, C extends string = string> {
  readonly shader: ShaderName;
  readonly params: Readonly<Record<P, ParamType>>;
  readonly bindings: Readonly<Record<B, Access>>;
  readonly constants: readonly C[];
}

export function plan<P extends string, B extends string, C extends string>(of: Plan<P, B, C>): Plan<P, B, C> {
  return of;
}

/** A range of a buffer, as bound. */
export interface Range {
  readonly buffer: GPUBuffer;
  /** Bytes, aligned as the device asks. */
  readonly offset: number;
  readonly size: number;
}

/** Where the rows of one tensor lie in its binding: indices in elements, strides modulo 2³². */
export interface Operand extends Range {
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

export const PARAMS_BYTES = 256;

/** Bytes a Params takes, and writes its members in order. */
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
