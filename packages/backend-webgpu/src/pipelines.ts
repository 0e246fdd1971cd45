import { shaderCode } from "./generated/shaders.js";
import type { Plan } from "./kernels/plan.js";
import { COMPUTE_STAGE } from "./usage.js";

export type Constants = Readonly<Record<string, number>>;

interface Compiled {
  readonly module: GPUShaderModule;
  readonly groupLayout: GPUBindGroupLayout;
  readonly layout: GPUPipelineLayout;
}

/** One pipeline for each shader and set of overrides, compiled once. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #shaders = new Map<Plan, Compiled>();
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #pending = new Map<string, Promise<void>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  groupLayout(plan: Plan): GPUBindGroupLayout {
    return this.#shader(plan).groupLayout;
  }

  /** Compiles on first use; `prepare` does it ahead and off the caller's thread. */
  get(plan: Plan, constants: Constants): GPUComputePipeline {
    const key = keyOf(plan, constants);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#device.createComputePipeline(this.#descriptor(plan, constants));
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  /** Whether it is compiled, or is being compiled. */
  has(plan: Plan, constants: Constants): boolean {
    const key = keyOf(plan, constants);
    return this.#pipelines.has(key) || this.#pending.has(key);
  }

  /** Compiles once, however many ask for it meanwhile. */
  async prepare(plan: Plan, constants: Constants): Promise<void> {
    const key = keyOf(plan, constants);
    if (this.#pipelines.has(key)) return;
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = this.#compile(key, this.#descriptor(plan, constants)).finally(() =>
        this.#pending.delete(key),
      );
      this.#pending.set(key, pending);
    }
    await pending;
  }

  async #compile(key: string, descriptor: GPUComputePipelineDescriptor): Promise<void> {
    this.#pipelines.set(key, await this.#device.createComputePipelineAsync(descriptor));
  }

  #descriptor(plan: Plan, constants: Constants): GPUComputePipelineDescriptor {
    const { module, layout } = this.#shader(plan);
    return { label: plan.shader, layout, compute: { module, entryPoint: "main", constants } };
  }

  #shader(plan: Plan): Compiled {
    let compiled = this.#shaders.get(plan);
    if (!compiled) {
      const device = this.#device;
      const groupLayout = device.createBindGroupLayout({ label: plan.shader, entries: layoutEntries(plan) });
      const layout = device.createPipelineLayout({ label: plan.shader, bindGroupLayouts: [groupLayout] });
      const module = device.createShaderModule({ label: plan.shader, code: shaderCode[plan.shader] });
      compiled = { module, groupLayout, layout };
      this.#shaders.set(plan, compiled);
    }
    return compiled;
  }
}

function keyOf(plan: Plan, constants: Constants): string {
  return `${plan.shader} ${plan.constants.map((name) => constants[name] ?? "").join()}`;
}

function layoutEntries(plan: Plan): GPUBindGroupLayoutEntry[] {
  const storage = Object.values(plan.bindings).map((access, index) => ({
    binding: index + 1,
    visibility: COMPUTE_STAGE,
    buffer: { type: access === "read" ? ("read-only-storage" as const) : ("storage" as const) },
  }));
  return [{ binding: 0, visibility: COMPUTE_STAGE, buffer: { type: "uniform" } }, ...storage];
}
