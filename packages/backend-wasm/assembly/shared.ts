/** This export is only in the builds for threads, whose memory must be shared. The host knows a module's build by its exports. */
export function shared(): bool {
  return true;
}
