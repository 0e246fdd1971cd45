/**
 * The layers on plain arrays: each call takes typed arrays and returns a promise of typed arrays. All that it puts on the backend is
 * disposed before the promise settles. Whoever calls several layers on the same data uploads it once and calls the layers of
 * `@dlrt/linear-attention` instead.
 *
 * @module
 */
import * as combaOf from "./layers/comba.js";
import * as deltaRuleOf from "./layers/delta-rule.js";
import * as dplrOf from "./layers/dplr.js";
import * as gatedDeltaProductOf from "./layers/gated-delta-product.js";
import * as gatedDeltaRuleOf from "./layers/gated-delta-rule.js";
import * as gatedDeltaRule2Of from "./layers/gated-delta-rule-2.js";
import * as glaOf from "./layers/gla.js";
import * as kimiDeltaAttentionOf from "./layers/kimi-delta-attention.js";
import * as linearAttentionOf from "./layers/linear-attention.js";
import * as retentionOf from "./layers/retention.js";
import * as rwkv7Of from "./layers/rwkv7.js";
import * as simpleGlaOf from "./layers/simple-gla.js";
import * as ssdOf from "./layers/ssd.js";
import { backOnHost, onHost } from "./host/layer.js";
import type { HostLayer, HostLayerVjp } from "./host/types.js";

export type { HostArray } from "./host/call.js";
export type {
  HostCotangents,
  HostGradients,
  HostInputs,
  HostLayer,
  HostLayerOptions,
  HostLayerResult,
  HostLayerVjp,
} from "./host/types.js";
export * from "./host/attention.js";

/** On plain arrays: see `comba` of `@dlrt/linear-attention`. */
export const comba: HostLayer<combaOf.CombaInputs> = /* @__PURE__ */ onHost(combaOf.rule, combaOf.comba);
/** On plain arrays: see `combaVjp` of `@dlrt/linear-attention`. */
export const combaVjp: HostLayerVjp<combaOf.CombaInputs> = /* @__PURE__ */ backOnHost(
  combaOf.rule,
  combaOf.combaVjp,
);

/** On plain arrays: see `deltaRule` of `@dlrt/linear-attention`. */
export const deltaRule: HostLayer<deltaRuleOf.DeltaRuleInputs> = /* @__PURE__ */ onHost(
  deltaRuleOf.rule,
  deltaRuleOf.deltaRule,
);
/** On plain arrays: see `deltaRuleVjp` of `@dlrt/linear-attention`. */
export const deltaRuleVjp: HostLayerVjp<deltaRuleOf.DeltaRuleInputs> = /* @__PURE__ */ backOnHost(
  deltaRuleOf.rule,
  deltaRuleOf.deltaRuleVjp,
);

/** On plain arrays: see `dplr` of `@dlrt/linear-attention`. */
export const dplr: HostLayer<dplrOf.DplrInputs> = /* @__PURE__ */ onHost(dplrOf.rule, dplrOf.dplr);
/** On plain arrays: see `dplrVjp` of `@dlrt/linear-attention`. */
export const dplrVjp: HostLayerVjp<dplrOf.DplrInputs> = /* @__PURE__ */ backOnHost(
  dplrOf.rule,
  dplrOf.dplrVjp,
);

/** On plain arrays: see `gatedDeltaProduct` of `@dlrt/linear-attention`. */
export const gatedDeltaProduct: HostLayer<gatedDeltaProductOf.GatedDeltaProductInputs> =
  /* @__PURE__ */ onHost(gatedDeltaProductOf.rule, gatedDeltaProductOf.gatedDeltaProduct);
/** On plain arrays: see `gatedDeltaProductVjp` of `@dlrt/linear-attention`. */
export const gatedDeltaProductVjp: HostLayerVjp<gatedDeltaProductOf.GatedDeltaProductInputs> =
  /* @__PURE__ */ backOnHost(gatedDeltaProductOf.rule, gatedDeltaProductOf.gatedDeltaProductVjp);

/** On plain arrays: see `gatedDeltaRule` of `@dlrt/linear-attention`. */
export const gatedDeltaRule: HostLayer<gatedDeltaRuleOf.GatedDeltaRuleInputs> = /* @__PURE__ */ onHost(
  gatedDeltaRuleOf.rule,
  gatedDeltaRuleOf.gatedDeltaRule,
);
/** On plain arrays: see `gatedDeltaRuleVjp` of `@dlrt/linear-attention`. */
export const gatedDeltaRuleVjp: HostLayerVjp<gatedDeltaRuleOf.GatedDeltaRuleInputs> =
  /* @__PURE__ */ backOnHost(gatedDeltaRuleOf.rule, gatedDeltaRuleOf.gatedDeltaRuleVjp);

/** On plain arrays: see `gatedDeltaRule2` of `@dlrt/linear-attention`. */
export const gatedDeltaRule2: HostLayer<gatedDeltaRule2Of.GatedDeltaRule2Inputs> = /* @__PURE__ */ onHost(
  gatedDeltaRule2Of.rule,
  gatedDeltaRule2Of.gatedDeltaRule2,
);
/** On plain arrays: see `gatedDeltaRule2Vjp` of `@dlrt/linear-attention`. */
export const gatedDeltaRule2Vjp: HostLayerVjp<gatedDeltaRule2Of.GatedDeltaRule2Inputs> =
  /* @__PURE__ */ backOnHost(gatedDeltaRule2Of.rule, gatedDeltaRule2Of.gatedDeltaRule2Vjp);

/** On plain arrays: see `gla` of `@dlrt/linear-attention`. */
export const gla: HostLayer<glaOf.GlaInputs> = /* @__PURE__ */ onHost(glaOf.rule, glaOf.gla);
/** On plain arrays: see `glaVjp` of `@dlrt/linear-attention`. */
export const glaVjp: HostLayerVjp<glaOf.GlaInputs> = /* @__PURE__ */ backOnHost(glaOf.rule, glaOf.glaVjp);

/** On plain arrays: see `kimiDeltaAttention` of `@dlrt/linear-attention`. */
export const kimiDeltaAttention: HostLayer<kimiDeltaAttentionOf.KimiDeltaAttentionInputs> =
  /* @__PURE__ */ onHost(kimiDeltaAttentionOf.rule, kimiDeltaAttentionOf.kimiDeltaAttention);
/** On plain arrays: see `kimiDeltaAttentionVjp` of `@dlrt/linear-attention`. */
export const kimiDeltaAttentionVjp: HostLayerVjp<kimiDeltaAttentionOf.KimiDeltaAttentionInputs> =
  /* @__PURE__ */ backOnHost(kimiDeltaAttentionOf.rule, kimiDeltaAttentionOf.kimiDeltaAttentionVjp);

/** On plain arrays: see `linearAttention` of `@dlrt/linear-attention`. */
export const linearAttention: HostLayer<linearAttentionOf.LinearAttentionInputs> = /* @__PURE__ */ onHost(
  linearAttentionOf.rule,
  linearAttentionOf.linearAttention,
);
/** On plain arrays: see `linearAttentionVjp` of `@dlrt/linear-attention`. */
export const linearAttentionVjp: HostLayerVjp<linearAttentionOf.LinearAttentionInputs> =
  /* @__PURE__ */ backOnHost(linearAttentionOf.rule, linearAttentionOf.linearAttentionVjp);

/** On plain arrays: see `retention` of `@dlrt/linear-attention`. */
export const retention: HostLayer<retentionOf.RetentionInputs> = /* @__PURE__ */ onHost(
  retentionOf.rule,
  retentionOf.retention,
);
/** On plain arrays: see `retentionVjp` of `@dlrt/linear-attention`. */
export const retentionVjp: HostLayerVjp<retentionOf.RetentionInputs> = /* @__PURE__ */ backOnHost(
  retentionOf.rule,
  retentionOf.retentionVjp,
);

/** On plain arrays: see `rwkv7` of `@dlrt/linear-attention`. */
export const rwkv7: HostLayer<rwkv7Of.Rwkv7Inputs> = /* @__PURE__ */ onHost(rwkv7Of.rule, rwkv7Of.rwkv7);
/** On plain arrays: see `rwkv7Vjp` of `@dlrt/linear-attention`. */
export const rwkv7Vjp: HostLayerVjp<rwkv7Of.Rwkv7Inputs> = /* @__PURE__ */ backOnHost(
  rwkv7Of.rule,
  rwkv7Of.rwkv7Vjp,
);

/** On plain arrays: see `simpleGla` of `@dlrt/linear-attention`. */
export const simpleGla: HostLayer<simpleGlaOf.SimpleGlaInputs> = /* @__PURE__ */ onHost(
  simpleGlaOf.rule,
  simpleGlaOf.simpleGla,
);
/** On plain arrays: see `simpleGlaVjp` of `@dlrt/linear-attention`. */
export const simpleGlaVjp: HostLayerVjp<simpleGlaOf.SimpleGlaInputs> = /* @__PURE__ */ backOnHost(
  simpleGlaOf.rule,
  simpleGlaOf.simpleGlaVjp,
);

/** On plain arrays: see `ssd` of `@dlrt/linear-attention`. */
export const ssd: HostLayer<ssdOf.SsdInputs> = /* @__PURE__ */ onHost(ssdOf.rule, ssdOf.ssd);
/** On plain arrays: see `ssdVjp` of `@dlrt/linear-attention`. */
export const ssdVjp: HostLayerVjp<ssdOf.SsdInputs> = /* @__PURE__ */ backOnHost(ssdOf.rule, ssdOf.ssdVjp);
