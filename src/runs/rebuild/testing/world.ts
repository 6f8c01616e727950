/** People whose mailboxes are backed up for real, a catalogue that may be lost, and its rebuild. */
import { runSlice, type SliceResult } from '../../../capture/index.ts'
import { ScriptedMailbox } from '../../../capture/testing/scripted-mailbox.ts'
import { SLICE_SETTINGS } from '../../../capture/testing/settings.ts'
import { memoryTableStore } from '../../../catalogue/testing/memory-table-store.ts'
import type { Catalogue, Rebuild } from '../../../catalogue/types.ts'
import { invariant } from '../../../model/errors.ts'
import { type GraphId, keyHash, type OwnerId } from '../../../model/ids.ts'
import { discover } from '../../discover.ts'
import { runsWorld } from '../../testing/world.ts'
import { type Erasures, newRebuild, type RebuildDeps, rebuildStep } from '../index.ts'

export const HOUR_MS = 3_600_000
const SLICE_MS = 240_000
/** A rebuild that is not done after so many steps never is. */
const STEPS_MAX = 200

export const INBOX = 'inbox' as GraphId

export async function rebuildWorld(...names: string[]) {
  const world = await runsWorld()
  const { clock, vault, signal, random, policies } = world
  const erased = new Set<OwnerId>()
  const erasures: Erasures = { isErased: async (owner) => erased.has(owner) }
  const boxes = new Map<string, ScriptedMailbox>()
  let tables = world.tables
  let catalogue: Catalogue = world.catalogue
  const look = () => discover({ ...world, catalogue }, clock.now() + HOUR_MS, signal)
  const ownerOf = async (name: string): Promise<OwnerId> => {
    const resource = await catalogue.resources.get(keyHash(name), signal)
    invariant(resource?.owner, 'the person is protected')
    return resource.owner
  }
  const boxOf = (name: string): ScriptedMailbox => {
    const box = boxes.get(name) ?? new ScriptedMailbox()
    if (!boxes.has(name)) box.createContainer(INBOX, 'Inbox')
    boxes.set(name, box)
    return box
  }
  const slice = async (name: string): Promise<SliceResult> => {
    const settings = {
      ...{ ...SLICE_SETTINGS, commitEvents: 10, deletionLagMs: 0 },
      ...{ sliceMs: SLICE_MS, leaseSlackMs: 60_000 },
    }
    const workload = () => boxOf(name).workload(clock)
    const deps = { vault, catalogue, clock, workload, settings }
    const input = { owner: await ownerOf(name), holder: 'slice', progress: async () => undefined }
    return await runSlice(input, deps, signal)
  }
  const deps = (): RebuildDeps => ({
    ...{ catalogue, vault, policies, clock, random, holder: 'worker' },
    ...{ sliceMs: SLICE_MS, leaseSlackMs: 60_000 },
    erasures,
    log: { info: () => undefined, error: () => undefined },
  })
  const ask = async (changes: Partial<Parameters<typeof newRebuild>[0]> = {}, stopped = false) => {
    const given = { id: 'asked', scope: 'all', by: 'somebody', owners: [], ...changes } as const
    const stoppedBefore = new Date(clock.now()).toISOString()
    const options = { now: clock.now(), ...(stopped && { stoppedBefore }) }
    await catalogue.rebuilds.insert(newRebuild(given, options), signal)
    return given.id
  }
  const drive = async (id: string): Promise<Rebuild> => {
    for (let n = 0; n < STEPS_MAX; n += 1) {
      const answer = await rebuildStep({ rebuild: id, attempt: 1 }, deps(), signal)
      if (answer.state === 'wait') clock.advance(Date.parse(answer.nextAt) - clock.now())
      if (answer.state !== 'done') continue
      const rebuild = await catalogue.rebuilds.get(id, signal)
      invariant(rebuild, 'a rebuild keeps its row')
      return rebuild
    }
    throw new Error('the rebuild does not end')
  }
  if (names.length > 0) {
    world.joins(...names)
    await look()
    for (const name of names) {
      boxOf(name).put(`${name}-1` as GraphId, { container: INBOX, content: `one of ${name}` })
      await slice(name)
      boxOf(name).put(`${name}-2` as GraphId, { container: INBOX, content: `two of ${name}` })
      await slice(name)
    }
  }
  return {
    ...world,
    get catalogue() {
      return catalogue
    },
    get tables() {
      return tables
    },
    /** Every table is empty, as after an account was made anew. */
    loseTables() {
      tables = memoryTableStore()
      catalogue = world.catalogueOn(tables)
    },
    /** Owners of whom a record says that they were erased. */
    erased,
    erasures,
    ...{ look, ownerOf, boxOf, slice, deps, ask, drive },
    async states() {
      const { items } = await catalogue.resources.list({ max: 100 }, signal)
      return Object.fromEntries(items.map((r) => [r.name, r.state]))
    },
    /** What the newest state of a mailbox lists. */
    async listed(name: string): Promise<GraphId[]> {
      const stream = catalogue.stream(await ownerOf(name), 'mail')
      const head = await stream.head(signal)
      if (!head) return []
      const page = await stream.list(INBOX, head.seq, { max: 100 }, signal)
      return page.items.map((item) => item.item).sort()
    },
  }
}

export type RebuildWorld = Awaited<ReturnType<typeof rebuildWorld>>
