import { deflateRawSync, inflateRawSync } from "node:zlib";
import { readFileSync } from "node:fs";
import type { CaseReport, Row } from "@dlrt/bench/harness";
import { describe, expect, test } from "vitest";
import { textOf } from "../scripts/png.mjs";
import { savedCard } from "../scripts/saved.mjs";
import { headlineOf } from "../src/page/headline.js";
import { cardOf } from "../src/share/card.js";
import { fragmentOf, sharedOf, type Shared } from "../src/share/link.js";

const right = (name: string, ms: number, value: number, of: Partial<Row> = {}): Row => ({
  ...{ name, kind: name === "naive-js" ? "peer" : "backend", build: name, status: "ok" },
  error: { value: 0.5, limit: 16 },
  ms: { median: ms, mad: ms / 8, samples: [] },
  gflops: 64 / ms,
  speedup: { value, low: value / 2, high: 2 * value },
  ...of,
});

const caseOf = (n: number): CaseReport => ({
  ...{ workload: "random", about: "", operation: "solve", dtype: "f32", flops: 64e6, baseline: "naive-js" },
  ...{ sizes: { batch: 4, n, r: 64, p: 64 }, decay: "none", chunk: null },
  rows: [
    right("wasm ×2", 2.5, 40, { build: "simd+threads (2)", ofCeiling: 0.25 }),
    right("webgpu", 5, 20, { build: "SwiftShader, google", note: "software" }),
    {
      name: "planted",
      kind: "backend",
      build: "planted",
      status: "wrong",
      error: { value: null, limit: 16 },
    },
    { name: "js", kind: "backend", build: "js", status: "failed", reason: "the link does not say why" },
    right("naive-js", 100, 1),
  ],
});

const shared: Shared = {
  settings: {
    names: ["wasm ×2", "webgpu", "planted", "js", "naive-js"],
    fields: {
      ...{ operation: "solve", workload: "random", decay: "none", dtype: "f32", sizes: "256, 1024" },
      ...{ d: "64", heads: "4", chunk: "", repetitions: "7", seconds: "3" },
    },
  },
  cases: [caseOf(256), caseOf(1024)],
  origin: { where: "Chromium 150 on Linux · 2 logical cores", when: "2026-11-26", version: "0.1.0" },
};

interface Contents {
  cases: { n: unknown; rows: Record<string, unknown>[] }[];
  [name: string]: unknown;
}

/** A link whose contents were changed by somebody who knows its form. */
async function forged(change: (contents: Contents) => void): Promise<string> {
  const packed = (await fragmentOf(shared)).slice("r1.".length);
  const contents = JSON.parse(inflateRawSync(Buffer.from(packed, "base64url")).toString());
  change(contents);
  return `#r1.${deflateRawSync(JSON.stringify(contents)).toString("base64url")}`;
}

describe("a link", () => {
  test("holds settings and result; it is short enough for a message", async () => {
    const fragment = await fragmentOf(shared);
    expect(await sharedOf(`#${fragment}`)).toEqual(shared);
    expect(fragment).toMatch(/^r1\.[\w-]+$/);
    expect(fragment.length).toBeLessThan(1000);
    expect(await sharedOf("")).toBeUndefined();
    expect(await sharedOf("#picture-title")).toBeUndefined();
  });

  test("of a layer, whose fields are fewer", async () => {
    const layer = {
      ...shared,
      settings: {
        names: ["js", "naive-js"],
        fields: { operation: "gated, decoding", d: "64", heads: "4", repetitions: "7", seconds: "3" },
      },
      cases: [{ ...caseOf(1), operation: "gated, decoding", decay: "row" } as CaseReport],
    };
    expect(await sharedOf(await fragmentOf(layer))).toEqual(layer);
  });

  test("that has not been changed on the way is the one the forger below starts from", async () => {
    expect(await sharedOf(await forged(() => undefined))).toEqual(shared);
  });

  test.each<[string, (contents: Contents) => void, RegExp]>([
    ["markup in place of a name", (c) => (c.cases[0]!.rows[0]!["name"] = "<img src=x>"), /“name”/],
    ["a name of no contender here", (c) => (c["names"] = "wasm|rm -rf"), /“names”/],
    ["letters that turn the line around", (c) => (c["where"] = "Chrome \u202e 150"), /“where”/],
    ["more words than a place has", (c) => (c["where"] = "x".repeat(161)), /“where”/],
    ["a day that is none", (c) => (c["when"] = "2026-19-39"), /“when”/],
    ["a time that is no number", (c) => (c.cases[0]!.rows[0]!["ms"] = "0.001"), /“ms”/],
    ["a time below any clock's", (c) => (c.cases[0]!.rows[0]!["ms"] = 0), /“ms”/],
    ["a wrong answer told as right", (c) => (c.cases[0]!.rows[0]!["error"] = 17), /“error”/],
    ["a right answer told as wrong", (c) => (c.cases[0]!.rows[2]!["error"] = 1), /“error”/],
    ["a size that was not asked for", (c) => (c.cases[0]!.n = 512), /“n”/],
    ["an interval beside its ratio", (c) => (c.cases[0]!.rows[0]!["low"] = 90), /“low”/],
    [
      "more rows than contenders",
      (c) => c.cases[0]!.rows.push(...Array.from({ length: 20 }, () => ({}))),
      /“rows”/,
    ],
    ["cases that are none", (c) => Object.assign(c, { cases: { length: 1 } }), /“cases”/],
    ["a row that is none", (c) => Object.assign(c.cases[0]!.rows, [null]), /damaged/],
    ["an operation that there is not", (c) => (c["operation"] = "__proto__"), /not to be run \(operation/],
    ["work that would fill the memory", (c) => (c["sizes"] = "1000000000"), /not to be run \(sizes/],
    ["no field at all", (c) => Object.keys(c).forEach((key) => delete c[key]), /damaged/],
  ])("with %s is refused", async (_, change, message) => {
    await expect(sharedOf(await forged(change))).rejects.toMatchObject({ name: "LinkError", message });
  });

  test.each([
    ["of another version", "#r2.abc", /another version/],
    ["cut off", "#r1.", /damaged/],
    ["with a letter that was never in it", "#r1.ab%20c", /damaged/],
    ["that is not packed", `#r1.${Buffer.from("{}").toString("base64url")}`, /damaged/],
    ["that is not JSON", `#r1.${deflateRawSync("nonsense").toString("base64url")}`, /damaged/],
    ["that is not an object", `#r1.${deflateRawSync("[1]").toString("base64url")}`, /damaged/],
    ["that is too long", `#r1.${"a".repeat(20_000)}`, /longer/],
    ["that unpacks to 8 MB", `#r1.${deflateRawSync(" ".repeat(8 << 20)).toString("base64url")}`, /larger/],
  ])("%s is refused", async (_, fragment, message) => {
    await expect(sharedOf(fragment)).rejects.toMatchObject({ name: "LinkError", message });
  });

  test("cut anywhere is refused", async () => {
    const fragment = await fragmentOf(shared);
    for (const part of [0.1, 0.5, 0.9]) {
      const cut = fragment.slice(0, Math.floor(3 + part * (fragment.length - 3)));
      await expect(sharedOf(cut)).rejects.toMatchObject({ name: "LinkError" });
    }
  });
});

test("the headline is our fastest right answer to the largest case, beside plain JavaScript", () => {
  expect(headlineOf(shared.cases)).toEqual({
    ...{ work: "solve, random, f32", name: "wasm ×2", time: "2.5 ms", size: "1,024 tokens × 4 heads of 64" },
    ...{ times: "40× plain JavaScript", between: "20–80× with 95 % confidence", right: "right to 0.5 ε" },
  });
  const onlyPeers = { ...caseOf(2048), rows: caseOf(2048).rows.slice(2) };
  expect(headlineOf([...shared.cases, onlyPeers])?.size).toBe("1,024 tokens × 4 heads of 64");
  expect(headlineOf([onlyPeers])).toBeUndefined();
  const itself = { ...caseOf(64), baseline: "wasm ×2" };
  expect(headlineOf([itself])).toMatchObject({ name: "wasm ×2", times: undefined, between: undefined });
});

test("a picture shows the headline's case, fastest first, and no time of a wrong answer", () => {
  const onlyPeers = { ...caseOf(2048), rows: caseOf(2048).rows.slice(2) };
  expect(cardOf([onlyPeers, ...shared.cases], "here")).toEqual(cardOf(shared.cases, "here"));
  expect(cardOf([onlyPeers], "here")).toBeUndefined();
  expect(cardOf(shared.cases, "here")).toEqual({
    work: "solve, random, f32: 1,024 tokens × 4 heads of 64",
    headline: "wasm ×2 2.5 ms",
    under: "40× plain JavaScript, right to 0.5 ε",
    bars: [
      { name: "wasm ×2", ms: 2.5, color: "#8f7bef" },
      { name: "webgpu", ms: 5, color: "#00966b" },
      { name: "plain JavaScript", ms: 100, color: "#8a8f98" },
    ],
    foot: "here",
  });
});

test("the picture beside links to this page says what the bench has saved", async () => {
  const png = readFileSync(new URL("../public/og.png", import.meta.url));
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1200, 630]);
  const how = "draw it anew: npx -y pnpm@12.21.0 --filter @dlrt/bench-web og";
  expect(JSON.parse(textOf(png, "card")!), how).toEqual(await savedCard());
});
