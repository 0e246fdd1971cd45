/**
 * For Dawn in Node: the backend's own flag, and timestamps as the device counts them. Dawn rounds them to 0.1 ms, as
 * browsers must, which is longer than many dispatches.
 */
export const TIMING_FLAGS = [
  "enable-dawn-features=disable_workgroup_init",
  "disable-dawn-features=timestamp_quantization",
] as const;
