import { defineConfig, mergeConfig } from "vitest/config";
import quick from "./vitest.config.mjs";

const long = mergeConfig(quick, defineConfig({ test: { testTimeout: 180_000, hookTimeout: 180_000 } }));
long.test.include = ["test-long/**/*.test.mjs"];
long.test.reporters = ["default"];
export default long;
