import { defineConfig, mergeConfig } from "vitest/config";
import { longLimits } from "../limits.mjs";
import quick from "./vitest.config.mjs";

const long = mergeConfig(quick, defineConfig({ test: longLimits }));
long.test.include = ["test-long/**/*.test.mjs", "test/typescript.test.mjs"];
long.test.env = { DLRT_LONG: "1" };
long.test.reporters = ["default"];
export default long;
