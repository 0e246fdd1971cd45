/**
 * Notes the shaders that are dispatched on a device from now on, and the copies between buffers, in order, until
 * `restoreDevice`. A pipeline is labelled with the name of its shader.
 */
export function watchDispatches(device: GPUDevice): { take(): string[] } {
  const dispatched: string[] = [];
  const createEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (of) => {
    const encoder = createEncoder(of);
    const begin = encoder.beginComputePass.bind(encoder);
    const copy = encoder.copyBufferToBuffer.bind(encoder);
    encoder.beginComputePass = (pass) => {
      const made = begin(pass);
      const set = made.setPipeline.bind(made);
      made.setPipeline = (pipeline) => {
        dispatched.push(pipeline.label);
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
