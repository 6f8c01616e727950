/** The deterministic storage simulator (README.md). */
export type { BlobVersion } from './blobs.ts'
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
export { type OpenedStorage, SimulatedStorage, type StorageOptions } from './storage.ts'
export { Trace, type TraceLine } from './trace.ts'
