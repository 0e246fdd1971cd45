import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fill, given, hasChromium, launch, open, PHONE, run, serve, TINY, unfold, WIDE } from "./support.js";

const where = hasChromium ? describe : describe.skip;

where("a shared result in Chromium (skipped where npm has none: it is built for Linux x64 alone)", () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser | undefined;
  beforeAll(async () => ([server, browser] = await Promise.all([serve(false), launch(false)])));
  afterAll(() => Promise.all([browser?.close(), server.close()]));

  test("the address of a run opens as settings and result elsewhere; as picture, as link", async () => {
    const { page, faults } = await open(browser!, `${server.url}?threads=1`, WIDE);
    await fill(page, TINY);
    await page.check('[value="planted"]');
    await page.uncheck('[value="wasm relaxed"]');
    await page.selectOption('[name="decay"]', "row");
    await run(page);
    const shown = async (on = page): Promise<string[]> => {
      await unfold(on, ".case");
      return [await on.locator("#headline").innerText(), ...(await on.locator("tbody").allTextContents())];
    };
    const own = await shown();
    expect(own[0]).toMatch(/^(js|wasm) [\d.]+ ms, [\d.,]+× plain JavaScript$/);
    expect(own).toHaveLength(3);

    await page.getByRole("button", { name: "Share a link" }).click();
    // The page may not copy here; it is told so only after a while.
    await page.getByText("take the link from the field").waitFor();
    const link = await page.getByLabel("Link to this result").inputValue();
    expect(link).toBe(page.url());
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Share a link" }).click();
    await page.getByText("Link copied").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);

    const other = await open(browser!, link, PHONE);
    expect(await shown(other.page)).toEqual(own);
    expect(await other.page.locator("#origin").innerText()).toMatch(
      /came with the link: measured on .*20\d\d with Chromium \d+ on Linux.*Nothing of it was measured here/,
    );
    expect(await other.page.locator(".chart svg[aria-label]").count()).toBe(2);
    expect(await other.page.getByRole("button", { name: "Download JSON" }).isVisible()).toBe(false);
    await unfold(other.page, "#settings");
    for (const name of ["sizes", "d", "heads", "decay"]) {
      const set = await page.locator(`[name="${name}"]`).inputValue();
      expect(await other.page.locator(`[name="${name}"]`).inputValue()).toBe(set);
    }
    expect(await other.page.isChecked('[value="planted"]')).toBe(true);
    expect(await other.page.isChecked('[value="wasm relaxed"]')).toBe(false);

    for (const from of [page, other.page]) {
      const { path, name } = await given(from, "Picture");
      expect(name).toMatch(/^dlrt-bench-20[\dT-]+\.png$/);
      const png = readFileSync(path);
      expect(png.subarray(1, 4).toString()).toBe("PNG");
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1200, 630]);
    }
    await run(other.page); // a run of one's own takes the link's place
    expect(await other.page.locator("#origin").isVisible()).toBe(false);
    expect(other.page.url()).not.toBe(link);
    expect([...faults, ...other.faults]).toEqual([]);
    await Promise.all([page.close(), other.page.close()]);
  });

  test.each([
    ["it is damaged", "#r1.AAAA"],
    ["made by another version of this page", "#r7.abc"],
    ["longer than any result", `#r1.${"a".repeat(30_000)}`],
  ])("a link that is refused (%s) is so in words, and the page works", async (words, fragment) => {
    const { page, faults } = await open(browser!, `${server.url}?threads=1${fragment}`, PHONE);
    expect(await page.locator("#fault").innerText()).toContain(words);
    expect(await page.locator("#result").isVisible()).toBe(false);
    expect(new URL(page.url()).hash).toBe("");
    await fill(page, { ...TINY, sizes: "40" });
    await run(page);
    expect(await page.locator("#fault").innerText()).toBe("");
    expect(await page.locator(".chart svg[aria-label]").count()).toBe(2);
    expect(faults).toEqual([]);
    await page.close();
  });
});
