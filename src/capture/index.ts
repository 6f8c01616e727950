/** The slice: changes -> segments -> commit (DESIGN 4). */
export { addCounts } from './pending.ts'
export { type RolledForward, rollForward } from './roll-forward.ts'
export {
  runSlice,
  type SliceDeps,
  type SliceInput,
  type SliceResult,
  type SliceSettings,
  sliceBytes,
} from './slice.ts'
