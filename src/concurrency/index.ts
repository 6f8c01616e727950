/** Limits on how much goes on at once: calls, and bytes in memory. */
export { eachBounded, mapBounded } from './bounded.ts'
export { MemoryPool } from './memory-pool.ts'
