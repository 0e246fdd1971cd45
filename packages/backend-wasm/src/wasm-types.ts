import type { Declared } from "@dlrt/core/backend";

/** WebAssembly's own classes: typed where TypeScript's "dom" library or @types/node declares them, else objects. */
type Namespace = typeof globalThis extends { readonly WebAssembly: infer Classes } ? Classes : unknown;
type Instance<Name extends string> = Namespace extends {
  readonly [name in Name]: { readonly prototype: infer Class };
}
  ? Class
  : object;

export type WasmModule = Instance<"Module">;
export type WasmMemory = Instance<"Memory">;
export type WebUrl = Declared<"URL", never>;
