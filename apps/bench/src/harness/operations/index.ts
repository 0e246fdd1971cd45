import { inverseOperation } from "./inverse.js";
import type { Operation, OperationName } from "./operation.js";
import { applyOperation, solveOperation } from "./products.js";
import { solveVjpOperation } from "./solve-vjp.js";
import { trilInverseOperation } from "./tril-inverse.js";

export const operations: Readonly<Record<OperationName, Operation>> = {
  solve: solveOperation,
  apply: applyOperation,
  inverse: inverseOperation,
  trilInverse: trilInverseOperation,
  solveVjp: solveVjpOperation,
};
