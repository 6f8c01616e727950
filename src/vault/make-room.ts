/** Drops what was kept first until one more may be kept: with it there are at most `max`. */
export function makeRoom<K>(kept: Map<K, unknown>, max: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size < max) return
    kept.delete(oldest)
  }
}
