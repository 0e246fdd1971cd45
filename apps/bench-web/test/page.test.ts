import { createJsBackend } from "@dlrt/backend-js";
import { createWasmBackend } from "@dlrt/backend-wasm";
import {
  backendContender,
  operations,
  workloads,
  type Contender,
  type OperationName,
} from "@dlrt/bench/harness";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { figures, time } from "../src/page/format.js";
import type { PageReport } from "../src/page/report.js";
import {
  downloaded,
  fill,
  hasChromium,
  launch,
  open,
  PHONE,
  run,
  serve,
  shoot,
  TINY,
  unfold,
  WIDE,
} from "./support.js";

/** ω of a backend's answer in this process, for the problem that the page measured. */
async function omegaHere(
  contender: Contender,
  { operation, workload, dtype, sizes, decay }: PageReport["cases"][number],
) {
  const problem = workloads[workload as "text"]({ ...sizes, dtype, decay, seed: 1 });
  const run = contender.open(operations[operation as OperationName], problem, undefined);
  await run.call();
  const verdict = operations[operation as OperationName].judge(problem, await run.read());
  run.close();
  return verdict.value;
}

const where = hasChromium ? describe : describe.skip;

where("in Chromium (skipped where npm has none: it is built for Linux x64 alone)", () => {
  let servers: { url: string; close(): Promise<void> }[];
  let [withGpu, without]: (Browser | undefined)[] = [];
  const [isolated, plain] = [() => servers[0]!.url, () => servers[1]!.url];

  beforeAll(async () => {
    servers = await Promise.all([serve(true), serve(false)]);
    [withGpu, without] = await Promise.all([launch(true), launch(false)]);
  });
  afterAll(async () => {
    await Promise.all([withGpu?.close(), without?.close()]);
    await Promise.all(servers.map((server) => server.close()));
  });

  test("every backend runs; the numbers shown are those measured, and right; a wrong backend gets no time", async () => {
    const { page, faults } = await open(withGpu!, `${isolated()}?threads=2`, WIDE);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await fill(page, TINY);
    await page.check('[value="planted"]');
    await run(page);
    const report = await downloaded(page);
    expect(report.schema).toBe("dlrt-bench/1");
    expect(report.versions).toHaveProperty("Chromium");
    expect(report.cases.map(({ sizes }) => sizes)).toEqual(
      [40, 128].map((n) => ({ batch: 2, n, r: 16, p: 16 })),
    );
    const here = {
      js: backendContender("js", createJsBackend()),
      wasm: backendContender("wasm", await createWasmBackend({ threads: 1 })),
      "wasm ×2": backendContender("wasm ×2", await createWasmBackend({ threads: 2 })),
    };
    for (const found of report.cases) {
      const names = found.rows.map(({ name }) => name);
      expect(names).toEqual([
        ...["js", "wasm", "wasm ×2", "wasm relaxed", "wasm relaxed ×2"],
        ...["webgpu", "naive-js", "planted"],
      ]);
      const shown = page.locator(`.case[data-n="${found.sizes.n}"]`);
      for (const row of found.rows) {
        const words = await shown.locator(`tr[data-name="${row.name}"]`).innerText();
        if (row.name === "planted") {
          expect(row).not.toHaveProperty("ms");
          expect(row.status).toBe("wrong");
          expect(row.error!.value).toBeGreaterThan(100);
          expect(words).toContain("WRONG");
          expect(words).not.toMatch(/\bms\b/);
          continue;
        }
        expect(row.status, row.reason).toBe("ok");
        expect(row.error!.value).toBeLessThanOrEqual(16);
        expect(row.ms!.samples).toHaveLength(3);
        expect(row.gflops).toBe((4 * 2 * found.sizes.n * 16 * 16) / row.ms!.median / 1e6);
        expect(words).toContain(time(row.ms!));
        expect(words).toContain(`${figures(row.error!.value!)} ε`);
      }
      for (const [name, contender] of Object.entries(here)) {
        const row = found.rows.find((one) => one.name === name)!;
        expect(row.error!.value, name).toBe(await omegaHere(contender, found));
      }
    }
    await Promise.all(Object.values(here).map((contender) => contender.dispose()));
    expect(await page.locator(".chart svg[aria-label]").count()).toBe(2);
    expect(await page.locator(".badge", { hasText: "software" }).count()).toBeGreaterThan(0);
    expect(faults).toEqual([]);
    await shoot(page, "wide");
    await page.emulateMedia({ colorScheme: "dark" });
    await shoot(page, "dark");
    await page.close();
  });

  test("layers: prompts and a token on every backend, beside plain JavaScript; no time for a wrong one", async () => {
    const { page, faults } = await open(withGpu!, `${isolated()}?threads=2`, PHONE);
    await fill(page, { ...TINY, sizes: "40, 70" });
    await unfold(page, "#settings");
    await page.check('[value="planted"]');
    const works = {
      "kda, prefill": "Kimi delta attention, prompt, f32: T = 40, D = 16, heads = 2",
      "gated, decoding": "gated delta rule, one token, f32: T = 1, D = 16, heads = 2",
    };
    for (const [work, title] of Object.entries(works)) {
      await page.selectOption('[name="operation"]', work);
      for (const name of ["workload", "decay", "dtype", "chunk"])
        expect(await page.locator(`[name="${name}"]`).isDisabled()).toBe(true);
      expect(await page.locator('[name="sizes"]').isDisabled()).toBe(work === "gated, decoding");
      await run(page);
      expect(await page.locator(".case .about").first().innerText()).toContain(title);
      const { cases } = await downloaded(page);
      expect(cases.map(({ sizes }) => sizes.n)).toEqual(work === "gated, decoding" ? [1] : [40, 70]);
      for (const { operation, rows, baseline } of cases) {
        expect([operation, baseline]).toEqual([work, "naive-js"]);
        expect(rows.map(({ name }) => name)).toEqual([
          ...["js", "wasm", "wasm ×2", "wasm relaxed", "wasm relaxed ×2"],
          ...["webgpu", "naive-js", "planted"],
        ]);
        for (const row of rows.slice(0, -1)) {
          expect(row.status, `${row.name}: ${row.reason}`).toBe("ok");
          const { value, limit } = row.error!;
          expect(limit / 2 ** 24).toBeCloseTo(row.kind === "backend" ? 1e-6 : 1e-5, 12);
          expect(value).toBeLessThanOrEqual(limit);
          expect(row.speedup!.value).toBeGreaterThan(0);
        }
        expect(rows.at(-1)).toMatchObject({ status: "wrong" });
        expect(rows.at(-1)).not.toHaveProperty("ms");
      }
      const clipped = await page.evaluate(() =>
        [...document.querySelectorAll(".chart svg text, select, h3")]
          .filter((one) => {
            const svg = one.closest("svg");
            const frame = (svg ?? document.documentElement).getBoundingClientRect();
            const { left, right, top, bottom } = one.getBoundingClientRect();
            const high = svg !== null && (top < frame.top - 1 || bottom > frame.bottom + 1);
            return high || left < frame.left - 1 || right > frame.right + 1;
          })
          .map(({ textContent }) => textContent),
      );
      expect(clipped).toEqual([]);
      const room = await page.locator("#operation").evaluate((select: HTMLSelectElement) => {
        const words = document.body.appendChild(document.createElement("span"));
        words.style.cssText = `position: absolute; white-space: nowrap; font: ${getComputedStyle(select).font}`;
        const widths = [...select.options].map(({ label }) => {
          words.textContent = label;
          return words.offsetWidth;
        });
        words.remove();
        return select.clientWidth - Math.max(...widths);
      });
      expect(room).toBeGreaterThan(30); // for the arrow
    }
    expect(await page.locator(".charts").innerText()).toContain("gated delta rule, one token");
    expect(faults).toEqual([]);
    await shoot(page, "layer-phone");
    await page.close();
  });

  test("on a phone, without WebGPU and without isolation: said plainly, and the rest runs", async () => {
    const { page, faults } = await open(without!, `${plain()}?threads=2`, PHONE);
    await unfold(page, "#notices details");
    const notices = await page.locator("#notices").innerText();
    expect(notices).toMatch(/not cross-origin isolated.*one thread/s);
    expect(notices).toMatch(/No WebGPU here\.\s+Expected a WebGPU adapter/);
    await unfold(page, "#settings");
    const missing = await page.locator(".missing").allInnerTexts();
    expect(missing).toHaveLength(3);
    expect(missing.join("\n")).toMatch(/wasm ×2.*SharedArrayBuffer.*wasm relaxed ×2.*webgpu/s);
    await fill(page, TINY);
    await run(page);
    const { cases } = await downloaded(page);
    expect(cases[0]!.rows.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "js ok",
      "wasm ok",
      "wasm relaxed ok",
      "naive-js ok",
    ]);
    await page.reload(); // folded again, as a visitor has it at the end of a run
    await page.getByText("Ready.", { exact: true }).waitFor();
    const { width, screens } = await page.evaluate(() => ({
      width: document.documentElement.scrollWidth,
      screens: document.documentElement.scrollHeight / innerHeight,
    }));
    expect(width).toBeLessThanOrEqual(PHONE.width);
    expect(screens).toBeLessThan(3.2); // seven when everything lay open
    expect(faults).toEqual([]);
    await shoot(page, "phone");
    await page.emulateMedia({ colorScheme: "dark" });
    await shoot(page, "phone-dark");
    await page.close();
  });

  test("the page answers while a backend computes, and cancelling ends it at once", async () => {
    const { page } = await open(without!, isolated(), WIDE);
    for (const box of await page.locator('[name="names"]:enabled').all()) await box.uncheck();
    await page.check('[value="naive-js"]');
    await fill(page, { sizes: "65536", d: "64", heads: "1" });
    await page.getByRole("button", { name: "Run" }).click();
    await page.locator("#status", { hasText: "warm-up" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("#status", { hasText: "Cancelled: 0 cases measured" }).waitFor();
    await fill(page, { sizes: "32", d: "8", heads: "1", seconds: "1" });
    await page.selectOption('[name="decay"]', "row");
    await run(page);
    expect(await page.locator(".case .about").innerText()).toContain("decay by row");
    expect(await page.locator("#status").innerText()).toBe("Done: 1 case measured.");
    await page.close();
  });

  test("the slider shows a chunk at work, by keyboard; the pieces solve T Y = B", async () => {
    const { page, faults } = await open(without!, plain(), PHONE);
    const slider = page.getByRole("slider");
    const words = page.locator("#step-words");
    const y = page.getByRole("img", { name: /^Y =/ });
    await slider.press("Home");
    expect(await words.innerText()).toContain("Z = 0");
    const before = await y.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    await slider.press("ArrowRight");
    expect(await slider.getAttribute("aria-valuetext")).toBe("chunk 2 of 6, rows 5 to 8");
    expect(await y.evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL())).not.toBe(before);
    for (const workload of ["text", "seed", "correlated"]) {
      await page.selectOption('[name="picture-workload"]', workload);
      await slider.press("End");
      const residual = /max \|T Y − B\| = (\S+)\.$/.exec(await words.innerText())?.[1];
      expect(Number(residual)).toBeGreaterThan(0);
      expect(Number(residual)).toBeLessThan(1e-13);
    }
    expect(faults).toEqual([]);
    await page.close();
  });

  test("a field that cannot be run is named, and has the focus", async () => {
    const { page } = await open(without!, plain(), PHONE);
    await fill(page, { sizes: "12, many" });
    await page.getByRole("button", { name: "Run" }).press("Enter");
    expect(await page.getByRole("alert").innerText()).toContain("“many”");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("sizes");
    await page.close();
  });
});
