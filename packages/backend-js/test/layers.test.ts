import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";
import { createJsBackend } from "../src/index.js";

testLayers({ test, create: createJsBackend });
