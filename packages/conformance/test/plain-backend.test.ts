import { test } from "vitest";
import { createPlainBackend } from "../examples/plain-backend.js";
import { testBackend } from "../src/index.js";

testBackend({ test, create: createPlainBackend, maxWork: 2 ** 17 });
