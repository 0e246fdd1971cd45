import type { Backend, DecayKind, Dtype } from "@dlrt/core";

type Supports = Backend["supports"];
export type KernelName = NonNullable<Supports["missing"]>[number];

/** What is said of a device that is none of the machine's own. */
export const SOFTWARE_NOTE = "software device: no measure of speed";

/** What a report says of a backend. */
export function aboutBackend({ build, fallback, software }: Supports): {
  readonly kind: "backend";
  readonly build: string;
  readonly note: string | undefined;
} {
  const notes = [fallback, software ? SOFTWARE_NOTE : undefined];
  return { kind: "backend", build, note: notes.filter(Boolean).join("; ") || undefined };
}

/** Why a backend cannot do what takes this element type, decay and these kernels; undefined where it can. */
export function lacking(
  { dtypes, decay = "none", missing }: Supports,
  dtype: Dtype,
  asked: DecayKind,
  kernels: readonly KernelName[],
): string | undefined {
  if (!dtypes.includes(dtype)) return `no ${dtype}`;
  if (asked !== "none" && decay !== "channel" && decay !== asked) return `no decay by ${asked}`;
  const lacks = kernels.find((kernel) => missing?.includes(kernel));
  return lacks && `no ${lacks} kernel`;
}
