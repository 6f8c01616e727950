/** For tests of writers: a place for one item, as the replay gives it. */
import type { GraphId } from '../../model/ids.ts'
import type { Creation, HeldVersion, Search } from '../workload.ts'

/** Nothing is kept of an upload, and it may take all the time. */
export function creationAt(
  container: GraphId,
  mark: string,
  more: Partial<Creation> = {},
): Creation {
  const keep = () => Promise.resolve()
  return { container, mark, name: 'x', since: 0, keep, goesOn: () => true, ...more }
}

export function searchAt(
  container: GraphId,
  mark: string,
  version: HeldVersion,
  more: Partial<Search> = {},
): Search {
  const opened = () => Promise.resolve(version)
  return { container, mark, name: 'x', since: 0, version: opened, ...more }
}
