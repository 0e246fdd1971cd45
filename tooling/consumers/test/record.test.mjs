// Checks that what is written down about the packages still holds: their public API, and their sizes.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { HOW, extractAll, recorded, withoutChangeset } from "../api.mjs";
import { README, differences, measure, readTable, table, withTable } from "../sizes.mjs";

test("the public API is the one recorded in etc/api", () => {
  expect(extractAll(), `the public API changed. ${HOW}`).toEqual(recorded());
});

test("recording asks for a changeset of every package that changed", () => {
  const before = { "core.api.md": "a", "core-host.api.md": "b", "backend-js.api.md": "c" };
  const after = { ...before, "core-host.api.md": "x", "backend-js-extra.api.md": "new" };
  expect(withoutChangeset(before, before, [])).toEqual([]);
  expect(withoutChangeset(before, after, [])).toEqual(["@dlrt/core", "@dlrt/backend-js"]);
  expect(withoutChangeset(before, after, ['---\n"@dlrt/core": minor\n---\nMore.'])).toEqual([
    "@dlrt/backend-js",
  ]);
});

test("the sizes in the README hold within 10 %", async () => {
  const found = differences(await measure(), readTable(readFileSync(README, "utf8")));
  const how =
    "update the table with `npx -y pnpm@12.21.0 --filter @dlrt/consumers sizes`, if the change is meant";
  expect(found, how).toEqual([]);
});

test("a change of more than 10 %, a new entry and one that went are differences", () => {
  const rows = [
    { entry: "a", now: 10_000, later: 0 },
    { entry: "b", now: 5_000, later: 90_000 },
  ];
  const written = readTable(withTable("x\n<!-- sizes:start -->\nold\n<!-- sizes:end -->\ny", rows));
  expect(written).toEqual({ a: [10, 0], b: [5, 90] });
  expect(differences(rows, written)).toEqual([]);
  expect(differences([{ ...rows[0], now: 10_900 }, rows[1]], written)).toEqual([]);
  expect(differences([{ ...rows[0], now: 11_200 }, rows[1]], written)).toHaveLength(1);
  expect(differences([rows[0], { ...rows[1], later: 70_000 }], written)).toHaveLength(1);
  expect(differences([rows[0]], written)).toEqual(["b is no more"]);
  expect(differences([...rows, { entry: "c", now: 1, later: 0 }], written)).toEqual([
    "c is not in the table",
  ]);
  expect(() => withTable("no markers", rows)).toThrow("sizes:start");
  expect(table(rows)).toContain("| `a` | 10.0 kB | – |");
});
