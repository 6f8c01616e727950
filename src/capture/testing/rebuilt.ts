/** The rows that capture left, against those that a rebuild from the commits makes (promise P6). */
import {
  type MemoryTableStore,
  memoryTableStore,
} from '../../catalogue/testing/memory-table-store.ts'
import { assertSameRows, type RowsOf } from '../../catalogue/testing/same-rows.ts'
import { rebuildWhole } from '../../vault/testing/rebuild-whole.ts'
import { streamOf } from './commits.ts'
import type { Scripted, World } from './world.ts'

/** Throws where they differ in anything but what is measured. Leaves the world as it is. */
export async function assertRebuiltEqual<Box extends Scripted>(world: World<Box>): Promise<void> {
  const { owner, signal, secret } = world
  const store = memoryTableStore()
  const tables = world.catalogueOn(store).stream(owner, 'mail')
  await rebuildWhole(await streamOf(world), tables, signal)
  const sides = { live: rowsIn(world.store), rebuilt: rowsIn(store) }
  assertSameRows({ ...sides, secretOf: () => secret })
}

function rowsIn(store: Pick<MemoryTableStore, 'dump'>): RowsOf {
  return (table) =>
    store.dump(table).map(([key, values]) => {
      const [partition = '', row = ''] = key.split('|')
      return { partition, row, values }
    })
}
