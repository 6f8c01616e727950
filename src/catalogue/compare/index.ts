/** The rows of a stream against what its commits say. */
export {
  type CompareOptions,
  compareStream,
  type RowDifference,
  type StreamComparison,
  type StreamTruth,
  type TableCounts,
} from './compare.ts'
export { COMPARED_TABLES, type ComparedTable } from './prints.ts'
