/**
 * Instances of a class that whoever compiles against this package has declared globally, in TypeScript's "dom" library, in @types/node
 * or in @webgpu/types; `Else` where nobody has. A declaration that names such a class itself would not compile there.
 */
export type Declared<Name extends string, Else = object> = typeof globalThis extends {
  readonly [name in Name]: { readonly prototype: infer Instance };
}
  ? Instance
  : Else;
