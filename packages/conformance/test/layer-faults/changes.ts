/** Changes of a layer's inputs that faults have in common, and the cases that find them. */
import { elements, like, named, type LayerCall } from "./faulty.js";

export const stateHeads = ({ options: { heads } }: LayerCall): number => {
  const { query, key = query, value = key } = heads;
  return Math.max(key, value);
};

/** An input with other elements. */
export const other = (
  { backend, inputs }: LayerCall,
  name: string,
  change: (value: number, at: number, of: { readonly all: Float64Array; readonly cols: number }) => number,
) => {
  const all = elements(inputs[name]!);
  const cols = inputs[name]!.shape[2];
  return {
    inputs: {
      ...inputs,
      [name]: like(backend, inputs[name]!, (value, at) => change(value, at, { all, cols })),
    },
  };
};

/** Columns of head `from(h)` where those of head h belong. */
export const heads = (call: LayerCall, name: string, count: number, from: (h: number) => number) =>
  other(call, name, (_, at, { all, cols }) => {
    const width = cols / count;
    const [row, h, i] = [Math.floor(at / cols), Math.floor((at % cols) / width), at % width];
    return all[row * cols + from(h) * width + i]!;
  });

/** What is masked away is multiplied by it. */
export const NOTHING: number = 0;

/** One token later than they belong. */
export const late = (call: LayerCall, name: string) =>
  other(call, name, (_, at, { all, cols }) => all[at - cols] ?? 0);

export const results = (layer: string): string => `layers: results › f32: ${layer}`;
export const gradients = (layer: string): string => `layers: gradients › f32: ${layer}`;
export const gdn = named("gatedDeltaRule");
