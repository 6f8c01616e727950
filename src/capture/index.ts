/** The slice: changes -> segments -> commit (DESIGN 4). */
export { askHint, type Hint } from './hint.ts'
export { addCounts } from './pending.ts'
export {
  ALONE_ATTEMPTS,
  runSlice,
  type SliceDeps,
  type SliceInput,
  type SliceResult,
  type SliceSettings,
  sliceBytes,
} from './slice.ts'
