/** Only in the builds for threads, whose memory must be shared: the host knows a module by its exports. */
export function shared(): bool {
  return true;
}
