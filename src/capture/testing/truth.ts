/** What vault and tables say of a mailbox, in the words of a plain model, for tests of capture. */
import assert from 'node:assert/strict'
import type { HeldItem } from '../../catalogue/types.ts'
import { CONTAINERS, type Counts } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { ScriptedMailbox } from './scripted-mailbox.ts'
import type { World } from './world.ts'

/** What one container's list says at the head, also of a container that is gone. */
export async function listedIn(world: World, container: GraphId): Promise<GraphId[]> {
  const head = await world.tables.head(world.signal)
  if (!head) return []
  const page = await world.tables.list(container, head.seq, { max: 1000 }, world.signal)
  return page.items.map((listed) => listed.item)
}

/** Everything that lists of containers say at the head, by container. */
export async function listed(world: World): Promise<Map<GraphId, HeldItem[]>> {
  const head = await world.tables.head(world.signal)
  const lists = new Map<GraphId, HeldItem[]>()
  if (!head) return lists
  const containers = await world.tables.list(CONTAINERS, head.seq, { max: 1000 }, world.signal)
  for (const container of containers.items) {
    const page = await world.tables.list(container.item, head.seq, { max: 1000 }, world.signal)
    const ids = page.items.map((i) => i.item)
    assert.equal(new Set(ids).size, ids.length, 'no item stands twice in one list')
    const held = await world.tables.current(ids, head.seq, world.signal)
    lists.set(container.item, [...held.values()])
  }
  return lists
}

/** What the vault holds now, as a model would write it down. */
export async function contents(world: World): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [container, items] of await listed(world)) {
    for (const item of items) {
      if (world.hasLeft(item.item)) continue
      const mime = item.representations.find((r) => r.name === 'mime')
      assert.ok(mime, 'a held message has its MIME')
      const bytes = await world.reader.readAll(mime, 1_000_000, world.signal)
      const key = `${container}/${item.item}`
      assert.equal(found[key], undefined, 'an item stands in one container')
      found[key] = `${new TextDecoder().decode(bytes)}|${item.marker.decoration.split('@')[0]}`
    }
  }
  return found
}

export function modelOf(box: ScriptedMailbox): Record<string, string> {
  return Object.fromEntries(
    [...box.items].map(([item, { container, content, flags }]) => [
      `${container}/${item}`,
      `${content}|${flags}`,
    ]),
  )
}

export function addUp(counts: Counts): void {
  const { seen, stored, restated, unchanged, left, ledger, excluded } = counts
  assert.equal(seen, stored + restated + unchanged + left + ledger + excluded, 'the numbers add up')
}
