import { testLayers } from "@dlrt/conformance";
import { test } from "vitest";
import { createJsBackend } from "../src/index.js";
import { CASES } from "./cases.js";

// Every case of the suite, but fewer random ones than in `test:long`.
testLayers({ test, cases: CASES, create: createJsBackend });
