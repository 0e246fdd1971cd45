import { ValueError } from "@dlrt/core";
import { describe } from "@dlrt/core/backend";
import type { Rule } from "../engine/rule.js";
import * as comba from "../layers/comba.js";
import * as deltaRule from "../layers/delta-rule.js";
import * as dplr from "../layers/dplr.js";
import * as gatedDeltaProduct from "../layers/gated-delta-product.js";
import * as gatedDeltaRule from "../layers/gated-delta-rule.js";
import * as gatedDeltaRule2 from "../layers/gated-delta-rule-2.js";
import * as gla from "../layers/gla.js";
import * as kimiDeltaAttention from "../layers/kimi-delta-attention.js";
import * as linearAttention from "../layers/linear-attention.js";
import * as retention from "../layers/retention.js";
import * as rwkv7 from "../layers/rwkv7.js";
import * as simpleGla from "../layers/simple-gla.js";
import * as ssd from "../layers/ssd.js";

/** How a layer of this package becomes the engine's rows. @throws ValueError for any other function */
export function ruleOf(layer: unknown): Rule {
  switch (layer) {
    case comba.comba:
      return comba.rule;
    case deltaRule.deltaRule:
      return deltaRule.rule;
    case dplr.dplr:
      return dplr.rule;
    case gatedDeltaProduct.gatedDeltaProduct:
      return gatedDeltaProduct.rule;
    case gatedDeltaRule.gatedDeltaRule:
      return gatedDeltaRule.rule;
    case gatedDeltaRule2.gatedDeltaRule2:
      return gatedDeltaRule2.rule;
    case gla.gla:
      return gla.rule;
    case kimiDeltaAttention.kimiDeltaAttention:
      return kimiDeltaAttention.rule;
    case linearAttention.linearAttention:
      return linearAttention.rule;
    case retention.retention:
      return retention.rule;
    case rwkv7.rwkv7:
      return rwkv7.rule;
    case simpleGla.simpleGla:
      return simpleGla.rule;
    case ssd.ssd:
      return ssd.rule;
  }
  throw new ValueError("layer", "a layer of this package, as gatedDeltaRule", describe(layer));
}
