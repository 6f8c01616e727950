/** Workloads whose readers answer otherwise. */
import type { Change, ChangePage, StreamReader, Workload } from '../../../src/workloads/workload.ts'

/** Another reader; `change` is called for each slice. */
export function withReader(
  workload: Workload,
  change: (reader: StreamReader) => Partial<StreamReader>,
): Workload {
  return {
    ...workload,
    reader: (owner) => {
      const reader = workload.reader(owner)
      return { ...reader, ...change(reader) }
    },
  }
}

/** Other changes than the pages have. */
export function changing(
  workload: Workload,
  change: (changes: readonly Change[]) => Change[],
): Workload {
  const other = (page: ChangePage) => ({ ...page, changes: change(page.changes) })
  return withReader(workload, ({ changes, newest }) => ({
    changes: async (container, link, signal) => other(await changes(container, link, signal)),
    ...(newest && {
      newest: async (container, from, signal) => other(await newest(container, from, signal)),
    }),
  }))
}
