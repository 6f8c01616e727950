/** The deterministic storage simulator (README.md). */
export type { ContainerName, ContainerOptions } from './blobs.ts'
export { SimulatedClock } from './clock.ts'
export { IDENTITIES, type Identity, type IdentityName } from './identities.ts'
export {
  FAULTS,
  type Fault,
  type Moment,
  ProcessDied,
  SimulatedProcess,
} from './process.ts'
export { SeededRandom } from './random.ts'
export {
  ACCOUNTS,
  type Account,
  type OpenedStorage,
  SimulatedStorage,
  type StorageOptions,
} from './storage.ts'
export { Trace, type TraceLine } from './trace.ts'
export {
  type BlobVersion,
  DAY_MS,
  type DefaultPolicy,
  type Lock,
  type LockMode,
  TIERS,
  type Tier,
} from './versions.ts'
