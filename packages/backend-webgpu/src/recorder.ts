import { PARAMS_BYTES, writeParams, type Call, type Plan, type Range } from "./kernels/plan.js";
import type { Pipelines } from "./pipelines.js";
import { Scratch, type Buffers } from "./scratch.js";
import { COPY_DST, UNIFORM } from "./usage.js";

const ARENA_SLOTS = 256;

/** Records commands into one encoder, and provides the uniform memory and the scratch that they need. */
export class Recorder {
  readonly scratch: Scratch;
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #buffers: Buffers;
  readonly #arenas: GPUBuffer[] = [];
  readonly #staged = new DataView(new ArrayBuffer(ARENA_SLOTS * PARAMS_BYTES));
  readonly #retired: GPUBuffer[] = [];
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #arena = 0;
  #slots = 0;
  readonly #external: boolean;

  constructor(device: GPUDevice, pipelines: Pipelines, buffers: Buffers, encoder?: GPUCommandEncoder) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#encoder = encoder;
    this.#external = encoder !== undefined;
    this.#buffers = buffers;
    this.scratch = new Scratch(buffers);
  }

  get empty(): boolean {
    return this.#encoder === undefined;
  }

  dispatch<P extends string, B extends string, C extends string>(
    plan: Plan<P, B, C>,
    call: Call<P, B, C>,
  ): void {
    const constants: Record<string, number> = {};
    for (const name of plan.constants) {
      const value = call.constants?.[name];
      if (value !== undefined) constants[name] = value;
    }
    const ranges = Object.keys(plan.bindings).map((name) => call.bindings[name as B]);
    const entries = [this.#params(plan, call), ...ranges].map(({ buffer, offset, size }, binding) => ({
      binding,
      resource: { buffer, offset, size },
    }));
    const layout = this.#pipelines.groupLayout(plan);
    this.#pass ??= this.encoder().beginComputePass();
    this.#pass.setPipeline(this.#pipelines.get(plan, constants));
    this.#pass.setBindGroup(0, this.#device.createBindGroup({ label: plan.shader, layout, entries }));
    const most = this.#device.limits.maxComputeWorkgroupsPerDimension;
    const high = Math.ceil(call.workgroups / most);
    this.#pass.dispatchWorkgroups(Math.ceil(call.workgroups / high), high);
  }

  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    if (bytes === 0) return;
    this.#endPass();
    this.encoder().copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
  }

  clear(buffer: GPUBuffer, offset: number, bytes: number): void {
    if (bytes === 0) return;
    this.#endPass();
    this.encoder().clearBuffer(buffer, offset, bytes);
  }

  encoder(): GPUCommandEncoder {
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }

  /** Has `buffer` destroyed once the commands recorded so far have been submitted. */
  retire(buffer: GPUBuffer): void {
    if (this.empty && !this.#external) buffer.destroy();
    else this.#retired.push(buffer);
  }

  /** Hands over the buffers that were retired here, for another recorder to destroy. */
  takeRetired(): GPUBuffer[] {
    return this.#retired.splice(0);
  }

  /** Makes sure that a buffer for which the device had no memory is never handed out again. */
  drop(buffer: GPUBuffer): void {
    const arena = this.#arenas.indexOf(buffer);
    if (arena >= 0) this.#arenas.splice(arena, 1);
    this.scratch.drop(buffer);
    buffer.destroy();
  }

  /** Ends recording: writes the uniform memory, and returns the encoder for submission. */
  finish(): GPUCommandEncoder | undefined {
    this.#endPass();
    this.#writeArena();
    this.#arena = 0;
    const encoder = this.#encoder;
    this.#encoder = undefined;
    return encoder;
  }

  /** Frees what only the commands needed. It is called after the submit. */
  submitted(): void {
    for (const buffer of this.#retired.splice(0)) buffer.destroy();
    for (const arena of this.#arenas.splice(1)) arena.destroy();
  }

  destroy(): void {
    this.submitted();
    for (const arena of this.#arenas.splice(0)) arena.destroy();
    this.scratch.destroy();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #params(plan: Plan, call: Call<string, string, string>): Range {
    if (this.#slots === ARENA_SLOTS) {
      this.#writeArena();
      this.#arena += 1;
    }
    const size = ARENA_SLOTS * PARAMS_BYTES;
    const arena = (this.#arenas[this.#arena] ??= this.#buffers.create(size, UNIFORM | COPY_DST, "params"));
    this.#buffers.using(arena);
    const offset = this.#slots * PARAMS_BYTES;
    this.#slots += 1;
    writeParams(this.#staged, offset, plan, call.params);
    return { buffer: arena, offset, size: PARAMS_BYTES };
  }

  #writeArena(): void {
    if (this.#slots === 0) return;
    this.#device.queue.writeBuffer(
      this.#arenas[this.#arena]!,
      0,
      this.#staged.buffer as ArrayBuffer,
      0,
      this.#slots * PARAMS_BYTES,
    );
    this.#slots = 0;
  }
}
