/** This export is only in the builds with relaxed SIMD. The host knows a module's build by its exports. */
export function relaxed(): bool {
  return true;
}
