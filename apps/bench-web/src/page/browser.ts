import type { Environment } from "@dlrt/bench/harness";

interface Hints {
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
  readonly platform: string;
}

interface Visitor {
  readonly userAgent: string;
  readonly hardwareConcurrency: number;
  readonly userAgentData?: Hints;
  readonly deviceMemory?: number;
}

export interface Browser {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
}

/** The most telling come first: Edge and Opera call themselves Chrome too, and all call themselves Safari. */
const AGENTS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Edge", /Edg\/(\d+)/],
  ["Opera", /OPR\/(\d+)/],
  ["Firefox", /Firefox\/(\d+)/],
  ["Chrome", /Chrome\/(\d+)/],
  ["Safari", /Version\/(\d+).*Safari/],
];

const PLATFORMS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["Android", /Android/],
  ["iOS", /iPhone|iPad/],
  ["macOS", /Mac OS X/],
  ["Windows", /Windows/],
  ["Linux", /Linux|X11/],
];

const firstMatch = (
  list: readonly (readonly [string, RegExp])[],
  text: string,
): [name: string, version: string] => {
  for (const [name, pattern] of list) {
    const found = pattern.exec(text);
    if (found) return [name, found[1] ?? ""];
  }
  return ["unknown", ""];
};

export function browserOf({ userAgent, userAgentData }: Visitor): Browser {
  const [name, version] = firstMatch(AGENTS, userAgent);
  const [platform] = firstMatch(PLATFORMS, userAgent);
  const brand = userAgentData?.brands.find((one) => one.brand === "Chromium");
  const vague = name === "Chrome" && brand !== undefined;
  const google = userAgentData?.brands.some((one) => one.brand === "Google Chrome");
  return {
    name: vague && !google ? "Chromium" : name,
    version: vague ? brand.version : version,
    platform: userAgentData?.platform || platform,
  };
}

/** "Chromium 150 on Linux · 2 logical cores · GPU: …" */
export function whereOf(visitor: Visitor, gpu?: string): string {
  const { name, version, platform } = browserOf(visitor);
  const cores = visitor.hardwareConcurrency;
  const parts = [
    `${name} ${version} on ${platform}`,
    `${cores} logical ${cores === 1 ? "core" : "cores"}`,
    gpu && `GPU: ${gpu}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** What the bench's command line saves of a machine, as far as a browser tells it. */
export function environmentOf(visitor: Visitor): Environment {
  const { name, version, platform } = browserOf(visitor);
  return {
    machine: {
      cpu: `not told by ${name}`,
      cores: visitor.hardwareConcurrency,
      memoryGiB: visitor.deviceMemory ?? 0,
      platform,
    },
    versions: { [name]: version, ...DLRT_VERSIONS },
    commit: DLRT_COMMIT,
  };
}
