/** Changes of a layer's inputs that several faults have in common, and the names of the cases that find them. */
import { elements, like, named, type LayerCall } from "./faulty.js";

export const stateHeads = ({ options: { heads } }: LayerCall): number => {
  const { query, key = query, value = key } = heads;
  return Math.max(key, value);
};

/** Returns the call's inputs with other elements in one of them. */
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

/** Returns the call's inputs with the columns of head `from(h)` of one of them where those of head h belong. */
export const heads = (call: LayerCall, name: string, count: number, from: (h: number) => number) =>
  other(call, name, (_, at, { all, cols }) => {
    const width = cols / count;
    const [row, h, i] = [Math.floor(at / cols), Math.floor((at % cols) / width), at % width];
    return all[row * cols + from(h) * width + i]!;
  });

/** Zero, by which a faulty mask multiplies what it should leave out: that keeps NaN and ∞. */
export const NOTHING: number = 0;

/** Returns the call's inputs with one of them a token later than it belongs. */
export const late = (call: LayerCall, name: string) =>
  other(call, name, (_, at, { all, cols }) => all[at - cols] ?? 0);

export const results = (layer: string): string => `layers: results › f32: ${layer}`;
export const gradients = (layer: string): string => `layers: gradients › f32: ${layer}`;
export const gdn = named("gatedDeltaRule");
