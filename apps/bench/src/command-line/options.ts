import type { DecayKind, Dtype } from "@dlrt/core";
import type { OperationName, WorkloadName } from "../harness/index.js";
import type { Choice } from "./layer-cases.js";

/** What every command that measures takes. */
interface Measured {
  readonly repetitions: number;
  readonly seconds?: number;
  readonly seed: number;
  readonly json?: string;
  readonly save: boolean;
}

/** What chooses who is measured. */
export interface Who {
  readonly backends?: readonly string[];
  readonly threads: readonly number[];
  /** False with --no-peers. */
  readonly peers: boolean;
  readonly patient: boolean;
  readonly planted: boolean;
}

/** `bench` and `bench compare`. */
export interface Options extends Measured, Who {
  readonly workload: readonly WorkloadName[];
  readonly decay: readonly DecayKind[];
  readonly operation: readonly OperationName[];
  readonly dtype: readonly Dtype[];
  readonly n?: readonly number[];
  readonly d?: number;
  readonly p?: number;
  readonly heads?: number;
  readonly chunk?: number;
  readonly baseline: string;
  /** False with --no-seed-program. */
  readonly seedProgram: boolean;
  readonly data?: string;
  readonly csv?: string;
}

/** `bench scaling` */
export type ScalingOptions = Measured & Who & Pick<Options, "workload" | "n" | "d" | "heads" | "chunk">;

/** `bench layer` */
export interface LayerCommandOptions extends Measured, Choice, Omit<Who, "patient"> {
  readonly webgpu: boolean;
}

/** `bench gpu`; what is absent is the device's to choose. */
export type GpuOptions = Pick<Options, "n" | "d" | "p" | "heads" | "chunk" | "seed" | "json" | "save">;
