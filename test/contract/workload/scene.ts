/**
 * What the workload contract needs of a kind of content in the simulated tenant: two owners, the
 * truth about them, and what people and the service do to them.
 */
import type { GraphId, ResourceKind } from '../../../src/model/ids.ts'
import type { RestorableWorkload, Workload } from '../../../src/workloads/workload.ts'

export interface WorkloadScene {
  readonly kind: ResourceKind
  /** With some content in several containers. */
  readonly source: GraphId
  readonly other: GraphId
  /** As the backup identity sees it, and as the restoring one does. */
  readonly reading: Workload
  readonly writing: RestorableWorkload
  /** Item ids by container, of all that a backup reads; containers without items are left out. */
  members(owner: GraphId): Promise<Map<string, string[]>>
  /**
   * A text for each item that is equal for an item and its faithful copy: content, name, dates and,
   * where the copy stands in a container of that name too, the container's name.
   */
  contents(owner: GraphId): Promise<string[]>
  /** New content in an existing container; the id of the item. */
  add(): Promise<string>
  edit(id: string): Promise<void>
  /** Into another container. */
  move(id: string): Promise<void>
  remove(id: string): Promise<void>
  /** Every link of changes that was given out is refused from now on. */
  loseLinks(): Promise<void>
  /** One call in `every` is throttled, until that is undone. */
  throttle(every: number): Promise<() => Promise<void>>
  /** The content of this item cannot be had, until that is undone. */
  spoil(id: string): Promise<() => Promise<void>>
  /** Requests for content since the last call. */
  contentRequests(): Promise<number>
  close(): Promise<void>
}
