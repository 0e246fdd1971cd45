import { cardOf, pngOf } from "../share/card.js";
import { fragmentOf, type Origin, type Settings, type Shared } from "../share/link.js";
import { drawCharts } from "./charts.js";
import { byId, isRoomy } from "./dom.js";
import { headlineOf } from "./headline.js";
import { download, fileName, save, type PageReport } from "./report.js";
import { tableOf } from "./table.js";

/** A run of this page, as far as it has come. */
interface Own {
  readonly settings: Settings;
  readonly report: PageReport;
  readonly where: string;
}

const dayOf = (when: string): string =>
  new Date(when).toLocaleDateString("en", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });

const footOf = ({ where, when, version }: Origin): string =>
  `${where} · ${dayOf(when)} · @dlrt/core ${version}`;

/** Where a link's result comes from, so that nobody takes it for this browser's. */
function originWords({ where, when, version }: Origin, missing: readonly string[]): string {
  const own = DLRT_VERSIONS["@dlrt/core"];
  const parts = [
    `This result came with the link: measured on ${dayOf(when)} with ${where}. Nothing of it was measured here; ` +
      "press Run to measure in this browser.",
    version !== own && `It is of version ${version}; this page has ${own}.`,
    missing.length > 0 && `This browser does not have ${missing.join(", ")}.`,
  ];
  return parts.filter(Boolean).join(" ");
}

/** Shows cases as they come, and gives them away: as a link, a picture, a file. */
export class Results {
  readonly #at = {
    result: byId("result", HTMLElement),
    origin: byId("origin", HTMLElement),
    headline: byId("headline", HTMLElement),
    under: byId("under", HTMLElement),
    share: byId("share", HTMLButtonElement),
    png: byId("png", HTMLButtonElement),
    save: byId("save", HTMLButtonElement),
    address: byId("address", HTMLInputElement),
    given: byId("given", HTMLElement),
    said: byId("said", HTMLElement),
    charts: byId("charts", HTMLElement),
    tables: byId("tables", HTMLElement),
  };
  #shown: Shared | undefined;
  #report: PageReport | undefined;

  constructor() {
    const { share, png, save: json, charts } = this.#at;
    share.addEventListener("click", () => void this.#share());
    png.addEventListener("click", () => void this.#picture());
    json.addEventListener("click", () => this.#report && download(this.#report));
    let width = 0;
    new ResizeObserver(() => {
      if (this.#shown === undefined || charts.clientWidth === width) return;
      width = charts.clientWidth;
      drawCharts(this.#shown.cases, charts);
    }).observe(charts);
  }

  clear(): void {
    const { result, origin, charts, tables, address, given } = this.#at;
    [this.#shown, this.#report] = [undefined, undefined];
    for (const one of [result, origin, address]) one.hidden = true;
    given.textContent = "";
    charts.replaceChildren();
    tables.replaceChildren();
  }

  /** Shows the cases of a run so far. */
  show({ settings, report, where }: Own): void {
    const version = DLRT_VERSIONS["@dlrt/core"]!;
    this.#report = report;
    this.#show({
      settings,
      cases: report.cases,
      origin: { where, when: report.started.slice(0, 10), version },
    });
    this.#at.said.textContent = `n = ${report.cases.at(-1)!.sizes.n} measured.`;
  }

  /** Shows the result that a link holds. `missing`: its contenders that are not here. */
  showShared(shared: Shared, missing: readonly string[]): void {
    const { origin } = this.#at;
    if (shared.cases.length === 0) return;
    this.#show(shared);
    origin.hidden = false;
    origin.textContent = originWords(shared.origin, missing);
  }

  #show(shared: Shared): void {
    const { result, headline, under, charts, tables, save: json } = this.#at;
    this.#shown = shared;
    result.hidden = false;
    json.hidden = this.#report === undefined; // a link has no samples
    const told = headlineOf(shared.cases);
    headline.textContent = told
      ? [`${told.name} ${told.time}`, told.times].filter(Boolean).join(", ")
      : "No answer was right";
    under.textContent = told
      ? `${told.work}: ${[told.size, told.between, told.right].filter(Boolean).join("; ")}.`
      : "No time is shown for a wrong one.";
    drawCharts(shared.cases, charts);
    const largest = shared.cases.at(-1);
    tables.replaceChildren(...shared.cases.map((one) => tableOf(one, one === largest && isRoomy())));
  }

  /** The run is over: its result stands in the page's address. */
  async finish(words: string): Promise<void> {
    const { said, headline } = this.#at;
    said.textContent = this.#shown ? `${words} ${headline.textContent}` : words;
    if (this.#shown) history.replaceState(null, "", `#${await fragmentOf(this.#shown)}`);
  }

  async #share(): Promise<void> {
    const { address, given, headline } = this.#at;
    const url = new URL(`#${await fragmentOf(this.#shown!)}`, location.href).href;
    const handheld = matchMedia("(pointer: coarse)").matches && "share" in navigator;
    try {
      if (handheld) await navigator.share({ title: document.title, text: headline.textContent!, url });
      else await navigator.clipboard.writeText(url);
      given.textContent = handheld ? "" : "Link copied: it holds these settings and this result.";
    } catch (error) {
      if ((error as Error).name === "AbortError") return;
      address.hidden = false;
      address.value = url;
      address.select();
      given.textContent = "This browser does not let a page copy: take the link from the field.";
    }
  }

  async #picture(): Promise<void> {
    const { cases, origin } = this.#shown!;
    const card = cardOf(cases, footOf(origin));
    if (card) save(await pngOf(card), fileName(this.#report?.started ?? origin.when, "png"));
    else this.#at.given.textContent = "There is no right answer to draw.";
  }
}
