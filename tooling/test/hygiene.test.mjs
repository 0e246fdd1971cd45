import { expect, test } from "vitest";
import { faultsIn, privateHosts } from "../hygiene.mjs";

test("a private registry's host counts, public and loopback ones do not", () => {
  const urls = [
    "https://npm.example.test:8443/group/",
    "https://registry.npmjs.org/",
    "http://127.0.0.1:4873/",
    "http://localhost:4873",
    "undefined",
  ];
  expect(privateHosts(urls)).toEqual(["npm.example.test:8443"]);
});

test("a URL in a lockfile is a fault, elsewhere it is none", () => {
  const line = "    resolution: {tarball: https://registry.npmjs.org/vitest/-/vitest-4.1.12.tgz}";
  expect(faultsIn("pnpm-lock.yaml", `a\n${line}\n`, [])).toEqual([
    expect.stringMatching(/^pnpm-lock\.yaml:2:/),
  ]);
  expect(faultsIn("README.md", line, [])).toEqual([]);
  expect(faultsIn("pnpm-lock.yaml", "    resolution: {integrity: sha512-abc==}", [])).toEqual([]);
});

test("the registry's host in any file is a fault, told without naming it", () => {
  const faults = faultsIn("docs/install.md", "see\nhttps://npm.example.test/x", ["npm.example.test"]);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(/^docs\/install\.md:2:/);
  expect(faults[0]).not.toContain("npm.example.test");
});

test("a tracked .npmrc sets no registry", () => {
  expect(
    faultsIn("apps/bench/.npmrc", "fund=false\n@dlrt:registry=http://127.0.0.1:4873\n", []),
  ).toHaveLength(1);
  expect(faultsIn(".npmrc", "# registry=x\nfund=false\n", [])).toEqual([]);
});
