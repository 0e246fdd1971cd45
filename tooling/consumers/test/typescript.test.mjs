import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { publishable } from "@dlrt/release/packages";
import { expect, inject, test } from "vitest";

const user = inject("user");
const require = createRequire(import.meta.url);
const tscOf = (typescript) => join(dirname(require.resolve(`${typescript}/package.json`)), "bin", "tsc");

const STRICT = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  skipLibCheck: false,
  noEmit: true,
  types: [],
};

const NO_DOM = ["es2022"];

/** The programs' settings. The compiler is the newest unless another is named. Some have the declarations of "dom" and of WebGPU, some not. */
const SETTINGS = {
  "nodenext, default libraries": { module: "nodenext", target: "es2022" },
  "bundler resolution": { module: "esnext", moduleResolution: "bundler", target: "es2022" },
  "esnext, verbatim, isolated": {
    module: "nodenext",
    target: "esnext",
    verbatimModuleSyntax: true,
    isolatedModules: true,
  },
  "without the DOM": { module: "nodenext", target: "es2022", lib: NO_DOM },
  "5.4, node16": { typescript: "typescript-5.4", module: "node16", target: "es2022" },
  "5.4, bundler resolution, without the DOM": {
    typescript: "typescript-5.4",
    module: "esnext",
    moduleResolution: "bundler",
    target: "es2022",
    lib: NO_DOM,
  },
  "5.9, node16, without the DOM": {
    typescript: "typescript-5.9",
    module: "node16",
    target: "es2022",
    lib: NO_DOM,
  },
  "5.9, bundler resolution, with @webgpu/types": {
    typescript: "typescript-5.9",
    module: "esnext",
    moduleResolution: "bundler",
    target: "es2022",
    types: ["@webgpu/types"],
  },
};

/** Compiles files as one program in the user's folder. Resolves to what the compiler says. */
function compile(title, files, { typescript = "typescript", ...compilerOptions }) {
  const folder = join(user, "types", title.replaceAll(/\W+/g, "-"));
  mkdirSync(folder, { recursive: true });
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code);
  const config = { compilerOptions: { ...STRICT, ...compilerOptions }, files: Object.keys(files) };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [tscOf(typescript), "-p", folder, "--pretty", "false"],
      { cwd: folder },
      (error, out, err) => resolve(error ? `${out}${err}` || error.message : ""),
    );
  });
}

const everything = (entries) =>
  entries.map((entry, i) => `export * as e${i} from ${JSON.stringify(entry)};`).join("\n");

const typed = `import { createJsBackend } from "@dlrt/backend-js";
import { DlrtError, SingularError, solve, solveVjp } from "@dlrt/core";
import type { Backend, DiagLowRankTril, HostTensor, SolveGradients, Tensor } from "@dlrt/core";
import { heads } from "@dlrt/core";
import { OwnedTensor, type Kernels } from "@dlrt/core/backend";
import * as host from "@dlrt/core/host";

export function layer<T extends Tensor>(backend: Backend<T>, op: DiagLowRankTril<T>, b: T): SolveGradients<T> {
  const y = solve(backend, op, b, { trans: true, check: true });
  try {
    return solveVjp(backend, op, y, b);
  } finally {
    y.dispose();
  }
}

const backend: Backend<HostTensor> = createJsBackend();
const one: HostTensor = backend.upload({ data: new Float64Array(1).fill(2), shape: [1, 1, 1] });
const gradients = layer(backend, { diag: one, q: one, k: one }, one);
export const first: number | undefined = gradients.b.data[0];
export const plain: Promise<Float32Array> = host.solve(
  backend,
  { diag: new Float32Array(1), q: new Float32Array(1), k: new Float32Array(1), shape: [1, 1, 1] },
  new Float32Array(1),
);
export const gated: HostTensor = solve(
  backend,
  { diag: one, q: one, k: one, decay: heads(backend, one, 1) },
  one,
  { initialState: one, finalState: one },
);
export const gate: HostTensor | undefined = gradients.decay;
export const scale = <T extends Tensor>(kernels: Kernels<T>, x: T, out: T): void =>
  kernels.copy({ batch: 1, rows: 1, cols: 1, alpha: 2, trans: false, x, out });
export const owned = (t: Tensor): boolean => t instanceof OwnedTensor;
export const isOurs = (error: unknown): string => {
  if (error instanceof SingularError) return error.message;
  return error instanceof DlrtError ? error.code : "";
};
// @ts-expect-error a tensor is no number
solve(backend, { diag: one, q: one, k: one }, 1);
// @ts-expect-error the state before the first row is initialState
solve(backend, { diag: one, q: one, k: one }, one, { state: one });
// @ts-expect-error authors of backends import it from @dlrt/core/backend
export type { Ledger } from "@dlrt/core";
// @ts-expect-error solve has no such option
solve(backend, { diag: one, q: one, k: one }, one, { transpose: true });
`;

const optional = `import type { WasmBackendOptions } from "@dlrt/backend-wasm";
import type { WebGpuOptions } from "@dlrt/backend-webgpu";
import type { ApplyOptions, InverseOptions, SolveOptions, VjpOptions } from "@dlrt/core";
import type { SuiteOptions } from "@dlrt/conformance";
import type { LayerOptions } from "@dlrt/linear-attention";

/** The names of options that may be left out but not be given as undefined, which exactOptionalPropertyTypes tells apart. */
type Refusing<Options> = {
  [name in keyof Options]-?: {} extends Pick<Options, name> ? (undefined extends Required<Options>[name] ? never : name) : never;
}[keyof Options];
type None<Name extends never> = Name;
export type Checked = [
  None<Refusing<WasmBackendOptions>>,
  None<Refusing<WebGpuOptions>>,
  None<Refusing<ApplyOptions>>,
  None<Refusing<InverseOptions>>,
  None<Refusing<SolveOptions>>,
  None<Refusing<VjpOptions>>,
  None<Refusing<SuiteOptions>>,
  None<Refusing<LayerOptions>>,
];
// @ts-expect-error the check sees an option that refuses undefined
export type Seen = None<Refusing<{ readonly threads?: number }>>;
`;

const modules = `import { createWasmBackend } from "@dlrt/backend-wasm";
import module from "@dlrt/backend-wasm/simd.wasm";

export const backend = createWasmBackend({ module });
`;

/** Types of TensorFlow.js, which those of this package name, want the DOM, and are checked by nobody's compiler without errors. */
const TFJS = "@dlrt/tfjs";

const files = {
  ...Object.fromEntries(
    publishable()
      .filter(({ name }) => name !== TFJS)
      .map(({ name, entries }) => [`${name.replaceAll(/\W+/g, "_")}.mts`, everything(entries)]),
  ),
  "program.mts": typed,
  "options.mts": optional,
  "modules.mts": modules,
};

/** In the default run the newest compiler, and each older one with one kind of resolution; in the long run all settings. */
const BY_DEFAULT = new Set([
  "nodenext, default libraries",
  "without the DOM",
  "5.4, node16",
  "5.9, bundler resolution, with @webgpu/types",
]);

test.each(Object.entries(SETTINGS).filter(([title]) => process.env.DLRT_LONG || BY_DEFAULT.has(title)))(
  "TypeScript, %s, skipLibCheck off: every entry's types and a typed program",
  async (title, options) => {
    expect(await compile(title, files, options)).toBe("");
  },
);

const trained = `import { createJsBackend } from "@dlrt/backend-js";
import { embedding, gatedDeltaNet, gatedDeltaRule, linear, type TfResult } from "@dlrt/tfjs";
import * as tf from "@tensorflow/tfjs";

const backend = createJsBackend();
const x: tf.Tensor3D = tf.zeros([1, 4, 2]);
const gate: tf.Tensor = tf.zeros([1, 4, 1]);
const inputs = { query: x, key: x, value: x, beta: gate, decay: gate };
export const result: TfResult = gatedDeltaRule(backend, inputs, { heads: { query: 1 }, finalState: true });
export const state: tf.Tensor3D | undefined = result.finalState;
export const y: tf.Tensor = linear(embedding(tf.zeros([1], "int32"), tf.zeros([2, 2])), tf.zeros([2, 2]));
const Layer = gatedDeltaNet(backend);
export const model: tf.Sequential = tf.sequential({ layers: [new Layer({ headDim: 2, numHeads: 1, inputShape: [null, 2] })] });
// @ts-expect-error a layer needs its β
gatedDeltaRule(backend, { query: x, key: x, value: x, decay: gate }, { heads: { query: 1 } });
// @ts-expect-error a final state is a new tensor
gatedDeltaRule(backend, inputs, { heads: { query: 1 }, finalState: x });
// @ts-expect-error no configuration has such a name
new Layer({ heads: 2 });
`;

test.each(["typescript", "typescript-5.4", "typescript-5.9"])(
  "%s: a typed program with TensorFlow.js, whose own types are left aside",
  async (typescript) => {
    const options = { typescript, module: "nodenext", target: "es2022", skipLibCheck: true };
    expect(await compile(`tfjs ${typescript}`, { "main.mts": trained }, options)).toBe("");
  },
);

test("the compiler would see an error", async () => {
  const code = 'import { nothing } from "@dlrt/core";\nexport const x: number = nothing;';
  expect(await compile("wrong", { "main.mts": code }, { module: "nodenext" })).toContain("TS2305");
});
