import type { Backend, FloatArray } from "@dlrt/core";
import * as host from "../src/host.js";
import type { HostCotangents, HostLayerOptions, HostLayerResult } from "../src/host.js";
import type { Layer } from "./layers.js";

/** Inputs are objects of any kind, because some tests give wrong ones. */
type Forward = (
  backend: Backend,
  inputs: object,
  options: Partial<HostLayerOptions>,
) => Promise<HostLayerResult>;
type Back = (
  backend: Backend,
  inputs: object,
  cotangents: HostCotangents,
  options: HostLayerOptions,
) => Promise<Readonly<Record<string, FloatArray>>>;

/** The name of a layer's function: that of a case of the tests may say more, such as its steps. */
const functionName = ({ name }: Layer) => name.split(",")[0] as "gla";

/** The layer on plain arrays. Layers differ in the names of their inputs only. */
export const onHost = (layer: Layer) => host[functionName(layer)] as unknown as Forward;

/** The layer's Vjp on plain arrays. */
export const backOnHost = (layer: Layer) => host[`${functionName(layer)}Vjp`] as unknown as Back;
