import type { Case } from "../trial.js";
import { applyCases } from "./apply.js";
import { exactCases } from "./exact.js";
import { alphaGradientCases } from "./gradients-alpha.js";
import { gradientCases } from "./gradients.js";
import { inverseCases } from "./inverse.js";
import { badInputCases } from "./bad-input/index.js";
import { determinismCases } from "./determinism.js";
import { inPlaceCases } from "./in-place.js";
import { layoutCases } from "./layouts.js";
import { lifetimeCases } from "./lifetime.js";
import { nonFiniteCases } from "./non-finite.js";
import { orderCases } from "./order.js";
import { supportsCases } from "./supports.js";
import { viewCases } from "./views.js";
import { solveCases } from "./solve.js";
import { stateCases } from "./state.js";
import { trilInverseCases } from "./tril-inverse.js";

/** Every case of every suite, in the order in which a backend author would want to see them fail. */
export function allCases(): Case[] {
  return [
    ...supportsCases(),
    ...viewCases(),
    ...applyCases(),
    ...solveCases(),
    ...inverseCases(),
    ...trilInverseCases(),
    ...exactCases(),
    ...stateCases(),
    ...gradientCases(),
    ...alphaGradientCases(),
    ...inPlaceCases(),
    ...layoutCases(),
    ...nonFiniteCases(),
    ...determinismCases(),
    ...orderCases(),
    ...lifetimeCases(),
    ...badInputCases(),
  ];
}
