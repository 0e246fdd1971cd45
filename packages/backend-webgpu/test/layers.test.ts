import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";
import { onSharedDevice } from "./support/shared-device.js";

// The sizes are for a device in software, where most of the time goes into compiling pipelines; `test:long` has all of the
// suite. Left to it are all but one of the layers that are composed of solve and apply, which conformance.test.ts judges, or
// of another layer's kernel, and what a layer's call does on the host: the default runs of backend-js and backend-wasm have
// all of that. Here are linearAttention, and every layer that has a kernel of its own, in each of the ways it is called.
const composed = ["retention", "ssd", "simpleGla", "gla", "dplr", "rwkv7", "gatedDeltaProduct"];
const skip = ["65535", "layers: calls", ...composed];
const budget = { maxN: 4224, maxWork: 2 ** 13, cases: 3, skip, stepTimeout: 300_000 };

testLayers({ test, create: () => onSharedDevice(), ...budget });
