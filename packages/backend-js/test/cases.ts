/** How many random cases the suites draw of most properties; undefined, where `test:long` says so in the environment. */
export const CASES = process.env["DLRT_CONFORMANCE_CASES"] === undefined ? 10 : undefined;
