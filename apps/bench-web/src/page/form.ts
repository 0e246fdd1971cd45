import type { Settings } from "../share/link.js";
import { isLayer } from "./request.js";

type Field = HTMLInputElement | HTMLSelectElement;

const fieldOf = (form: HTMLFormElement, name: string): Field => form.elements.namedItem(name) as Field;

/** Disables what the chosen operation says nothing of. */
export function fitTo(form: HTMLFormElement): void {
  const operation = fieldOf(form, "operation").value;
  for (const name of ["workload", "decay", "dtype", "chunk", "sizes"]) {
    const field = fieldOf(form, name);
    field.disabled = isLayer(operation) && (name !== "sizes" || operation.endsWith("decoding"));
  }
}

/** What Run will do, in a line: "solve: T⁻¹ B · random keys · 256, 1024, 4096 tokens · 4 heads of 64 · 6 contenders" */
export function planOf(form: HTMLFormElement): string {
  const chosen = (name: string): string | undefined => {
    const field = fieldOf(form, name);
    if (field.disabled) return undefined;
    return field instanceof HTMLSelectElement ? field.selectedOptions[0]?.text : field.value;
  };
  const count = new FormData(form).getAll("names").length;
  const sizes = chosen("sizes");
  const parts = [
    ...[chosen("operation"), chosen("workload"), chosen("dtype")],
    sizes && `${sizes} tokens`,
    `${chosen("heads")} heads of ${chosen("d")}`,
    `${count} ${count === 1 ? "contender" : "contenders"}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

const boxes = (form: HTMLFormElement): HTMLInputElement[] => [
  ...form.querySelectorAll<HTMLInputElement>('input[name="names"]'),
];

/** Puts a link's settings into the form. @returns those of its contenders that are not here */
export function fillIn(form: HTMLFormElement, { names, fields }: Settings): string[] {
  for (const [name, value] of Object.entries(fields)) fieldOf(form, name).value = value;
  const here = boxes(form).map(({ value }) => value);
  if (names.some((name) => here.includes(name))) {
    for (const box of boxes(form)) box.checked = names.includes(box.value);
  }
  return names.filter((name) => !here.includes(name));
}
