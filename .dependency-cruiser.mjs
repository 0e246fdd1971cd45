// The arrows of the repository: which part may import which. `pnpm arrows` refuses every other import, and cycles.

/** What the source of each published package may import of our packages. One that is missing here may import none. */
const MAY_IMPORT = {
  core: [],
  "backend-js": ["core"],
  "backend-wasm": ["core"],
  "backend-webgpu": ["core"],
  "linear-attention": ["core"],
  conformance: ["core", "linear-attention"],
  arrays: ["core"],
  tfjs: ["core", "linear-attention"],
};

/** What no test of a package may import: backends never meet each other, and conformance judges any of them. */
const TEST_MAY_NOT = {
  "backend-js": ["backend-wasm", "backend-webgpu"],
  "backend-wasm": ["backend-js", "backend-webgpu"],
  "backend-webgpu": ["backend-js", "backend-wasm"],
  conformance: ["backend-[^/]+"],
};

// An import of another package is resolved to its `dist`, and keeps its name where that is not built.
const entry = (names) => `^(@dlrt|packages)/(${names.join("|")})(/dist/|/[\\w.-]+$|$)`;
const anywhere = (names) => `^(@dlrt|packages)/(${names.join("|")})(/|$)`;
const OURS = "^(@dlrt|packages|apps|examples|tooling|test)/";

const sources = Object.entries(MAY_IMPORT).map(([name, others]) => ({
  name: `source-of-${name}`,
  comment: `${name} imports ${["itself", ...others].join(", ")}: itself by file, another package by its public entry.`,
  severity: "error",
  from: { path: `^packages/${name}/(src|assembly)/` },
  to: {
    path: OURS,
    pathNot: [`^packages/${name}/(src|assembly)/`, ...(others.length > 0 ? [entry(others)] : [])],
  },
}));

const unlisted = {
  name: "source-of-a-package-unlisted",
  comment: "A package that is not in MAY_IMPORT imports itself alone.",
  severity: "error",
  from: { path: "^packages/([^/]+)/src/", pathNot: `^packages/(${Object.keys(MAY_IMPORT).join("|")})/` },
  to: { path: OURS, pathNot: "^packages/$1/src/" },
};

const tests = Object.entries(TEST_MAY_NOT).map(([name, others]) => ({
  name: `tests-of-${name}`,
  comment: `No test of ${name} imports ${others.join(", ")}.`,
  severity: "error",
  from: { path: `^packages/${name}/test/` },
  to: { path: anywhere(others) },
}));

/** Inside one part: what lies below, and what above it, which it must not import. */
const BELOW = [
  ["core's contract", "packages/core/src/contract/", "packages/core/src/(operations|reference)/"],
  ["core's reference", "packages/core/src/reference/", "packages/core/src/operations/"],
  [
    "the layers' engine",
    "packages/linear-attention/src/engine/",
    "packages/linear-attention/src/(?!engine/).+/",
  ],
].map(([below, from, to]) => ({
  name: `below: ${below}`,
  comment: `${below} (${from}) lies below ${to} and imports nothing from there.`,
  severity: "error",
  from: { path: `^${from}` },
  to: { path: `^${to}` },
}));

/** The parts of the bench, and which others each may import: by their index.ts alone. */
const BENCH = {
  harness: [],
  peers: ["harness"],
  scaling: ["harness"],
  roofline: ["harness"],
  charts: ["harness", "scaling"],
  "command-line": ["harness", "peers", "scaling", "roofline", "charts"],
};
const IN_BENCH = "^apps/bench/src/";

const benchParts = Object.entries(BENCH).map(([part, others]) => ({
  name: `bench: ${part}`,
  comment: `The bench's ${part} imports ${["itself", ...others.map((one) => `${one}/index.ts`)].join(", ")}.`,
  severity: "error",
  from: { path: `${IN_BENCH}${part}/` },
  to: {
    path: IN_BENCH,
    pathNot: [
      `${IN_BENCH}${part}/`,
      ...others.map((one) => `${IN_BENCH}${one}/index[.]ts$`),
      ...(part === "command-line" ? [`${IN_BENCH}harness/environment[.]ts$`] : []),
    ],
  },
}));

/** Inside the harness, from the lowest folder up: each imports those before it. */
const HARNESS = ["workload", "accuracy", "operations", "device", "contenders"];

const benchHarness = [
  ...HARNESS.map((folder, at) => ({
    name: `bench: harness/${folder}`,
    comment: `In the harness ${folder} imports ${HARNESS.slice(0, at + 1).join(", ")}.`,
    severity: "error",
    from: { path: `${IN_BENCH}harness/${folder}/` },
    to: { path: IN_BENCH, pathNot: `${IN_BENCH}harness/(${HARNESS.slice(0, at + 1).join("|")})/` },
  })),
  {
    name: "bench: the harness runs in a page",
    comment:
      "Of the harness only what stands in an entry of its own needs Node: environment.ts, and text.ts, which reads tokens.",
    severity: "error",
    from: { path: `${IN_BENCH}harness/`, pathNot: "/(environment|workload/text)[.]ts$" },
    to: { dependencyTypes: ["core"] },
  },
  {
    name: "bench: loaded as it is in Chromium",
    comment:
      "webgpu-page.js loads harness/layer/contender.ts unbundled, with no packages but ours: what it imports imports nothing else but types.",
    severity: "error",
    from: { path: `${IN_BENCH}harness/(layer/(contender|calls|names)|contenders/supports)[.]ts$` },
    to: {
      dependencyTypesNot: ["type-only"],
      pathNot: [
        "^packages/(core|linear-attention)/|^@dlrt/(core|linear-attention)(/|$)",
        `${IN_BENCH}harness/(layer/(calls|names)|contenders/supports)[.]ts$`,
      ],
    },
  },
  {
    name: "bench: by its public entries",
    comment: "Others import the bench by the entries that its package.json exports.",
    severity: "error",
    from: { path: "^(packages|apps|examples|tooling)/", pathNot: "^apps/bench/" },
    to: {
      path: "^apps/bench/|^@dlrt/bench(/|$)",
      pathNot:
        "^apps/bench/dist/(harness/(index|environment|workload/text)|command-line/compare)[.]|^@dlrt/bench/(harness|environment|text-tokens|compare)$",
    },
  },
];

const AN_APP = "^(apps|examples)/|^@dlrt/(bench|bench-web|docs|example-[^/]+)(/|$)";

/** An app is where arrows end, and a test is imported by tests alone. */
const outermost = [
  {
    name: "no-import-of-an-app",
    comment: "Packages and tooling import neither an app nor an example.",
    severity: "error",
    from: { path: "^(packages|tooling)/" },
    to: { path: AN_APP },
  },
  {
    name: "no-import-of-another-app",
    comment:
      "No app imports another, nor an example; bench-web alone builds on bench, which it shows in the browser.",
    severity: "error",
    from: { path: "^((apps|examples)/[^/]+)/", pathNot: "^apps/bench-web/" },
    to: { path: AN_APP, pathNot: "^$1/" },
  },
  {
    name: "bench-web-imports-bench-alone",
    comment: "Of the apps and examples bench-web imports bench alone.",
    severity: "error",
    from: { path: "^apps/bench-web/" },
    to: { path: AN_APP, pathNot: "^(apps|@dlrt)/bench(-web)?/" },
  },
  {
    name: "no-import-of-a-test",
    comment: "What is run or published imports no test.",
    severity: "error",
    from: { path: "^(packages|apps)/[^/]+/src/" },
    to: { path: "(^|/)test/" },
  },
];

export default {
  forbidden: [
    ...sources,
    unlisted,
    ...tests,
    ...BELOW,
    ...benchParts,
    ...benchHarness,
    ...outermost,
    {
      name: "no-cycle",
      comment:
        "Files that import each other in a circle, be it for their types alone, cannot be understood one by one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-broken-path",
      comment:
        "A relative import names a file that is there; what a build generates may be missing before it.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, path: "^\\.", pathNot: "/(generated|dist)/" },
    },
  ],
  options: {
    doNotFollow: { path: "(^|/)(node_modules|dist)/" },
    exclude: { path: "(^|/)(\\.vitepress/(cache|dist)|test-results)/" },
    tsPreCompilationDeps: true,
    detectJSDocImports: true,
    parser: "tsc",
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "default"],
      extensions: [".ts", ".mts", ".d.ts", ".d.mts", ".js", ".mjs"],
    },
  },
};
