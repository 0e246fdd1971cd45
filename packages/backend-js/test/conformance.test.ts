import { testBackend } from "@dlrt/conformance";
import { test } from "vitest";
import { createJsBackend } from "../src/index.js";

testBackend({ test, create: createJsBackend });
