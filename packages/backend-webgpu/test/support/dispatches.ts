import type { WebGpuBackend } from "../../src/index.js";

/** The shaders that are dispatched on a backend's device from now on, in order. */
export function watchDispatches(backend: WebGpuBackend): { take(): string[] } {
  const { device } = backend;
  const names = new Map<GPUComputePipeline, string>();
  const dispatched: string[] = [];
  const createPipeline = device.createComputePipeline.bind(device);
  device.createComputePipeline = (of) => {
    const pipeline = createPipeline(of);
    names.set(pipeline, of.label ?? "?");
    return pipeline;
  };
  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (of) => {
    const encoder = createEncoder(of);
    const begin = encoder.beginComputePass.bind(encoder);
    const copy = encoder.copyBufferToBuffer.bind(encoder);
    encoder.beginComputePass = (pass) => {
      const made = begin(pass);
      const set = made.setPipeline.bind(made);
      made.setPipeline = (pipeline) => {
        dispatched.push(names.get(pipeline) ?? "?");
        set(pipeline);
      };
      return made;
    };
    encoder.copyBufferToBuffer = ((...args: Parameters<typeof copy>) => {
      dispatched.push("copyBufferToBuffer");
      copy(...args);
    }) as typeof copy;
    return encoder;
  };
  return { take: () => dispatched.splice(0) };
}
