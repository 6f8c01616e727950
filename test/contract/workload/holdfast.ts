/** A Holdfast in memory over one scene: the real capture, vault, catalogue and restore. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { runSlice, type SliceResult, type SliceSettings } from '../../../src/capture/index.ts'
import { SLICE_SETTINGS } from '../../../src/capture/testing/settings.ts'
import type { Listed, Resource } from '../../../src/catalogue/types.ts'
import { CONTAINERS, type LedgerEvent } from '../../../src/model/events.ts'
import { type GraphId, keyHash, parseOwnerId } from '../../../src/model/ids.ts'
import { createRestore, type RestoreReport } from '../../../src/restore/index.ts'
import { memoryBackend } from '../../../src/vault/testing/memory-backend.ts'
import { createMemoryBlobStore } from '../../../src/vault/testing/memory-blob-store.ts'
import type { WorkloadScene } from './scene.ts'

const MIB = 1024 * 1024
const SLICES_MAX = 200
const STEPS_MAX = 500
const SLICE_MS = 240_000
const PAUSE_MS = 60_000
export const LAG_MS = 1_800_000
const RESTORE_LAG_MS = 20_000

export type Request = Record<string, unknown>

/** What a Holdfast knows of a scene; the rest is the truth about it. */
export type Served = Pick<WorkloadScene, 'kind' | 'source' | 'other' | 'reading' | 'writing'>

/** With one owner, for the scene's source; `other` is a resource that a restore may go to. */
export async function holdfastOver(
  scene: Served,
  signal: AbortSignal,
  limits: Partial<SliceSettings> = {},
) {
  const backend = memoryBackend({ start: Date.now(), packBytes: MIB })
  const { vault, catalogue, clock, random } = backend
  const { name } = scene.reading
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  await vault.prepare(signal)
  await catalogue.markReady(signal)
  const at = new Date(clock.now()).toISOString()
  const resourceOf = (graphId: GraphId, of: Partial<Resource>): Resource => ({
    ...{ key: keyHash(graphId), kind: scene.kind, graphId, name: 'R', address: 'r@x.example' },
    ...{ state: 'protected', reason: '', workloads: [name], seenAt: at, ...of },
  })
  for (const [graphId, of] of [
    [scene.source, { owner }],
    [scene.other, { state: 'unprotected' }],
  ] as const) {
    const resource = resourceOf(graphId, of)
    await catalogue.resources.update(resource.key, () => resource, signal)
  }
  const named = { owner, graphId: scene.source }
  await vault.registerOwner({ ...named, kind: scene.kind, name: 'R' }, signal)
  const measured = {
    dueAt: at,
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  } as const
  const row = { ...named, resource: keyHash(scene.source), workloads: [name], ...measured }
  await catalogue.owners.insert(row, signal)

  const settings = { ...SLICE_SETTINGS, deletionLagMs: LAG_MS, sliceMs: SLICE_MS, ...limits }
  const slices = { vault, catalogue, workload: () => scene.reading, clock, settings }
  const tables = catalogue.stream(owner, name)
  const restore = createRestore({
    ...{ catalogue, vault, workloads: () => scene.writing, random },
    pins: createMemoryBlobStore(clock.now),
    clock: { now: clock.now, sleep: untilAborted },
    settings: { lagMs: RESTORE_LAG_MS, sliceMs: SLICE_MS, leaseMarginMs: 10_000 },
  })

  async function slice(): Promise<SliceResult> {
    return await runSlice({ owner, holder: 't', progress: async () => undefined }, slices, signal)
  }

  /** Slices until the round is complete; what they all counted. */
  async function backUp(): Promise<SliceResult['counts'] & { slices: number }> {
    const sum = { seen: 0, stored: 0, restated: 0, unchanged: 0 }
    const rest = { left: 0, deleted: 0, ledger: 0, excluded: 0 }
    const total: SliceResult['counts'] = { ...sum, ...rest }
    for (let n = 1; n <= SLICES_MAX; n += 1) {
      const { state, counts, trouble } = await slice()
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key]
      if (state === 'done') return { ...total, slices: n }
      assert.ok(state === 'more' || state === 'wait', `${state}: ${trouble}`)
      clock.advance(PAUSE_MS)
    }
    throw new Error('the owner does not settle')
  }

  /** Two rounds, late enough for the ledger and for what has left to count as deleted. */
  async function settle(): Promise<void> {
    clock.advance(2 * LAG_MS)
    await backUp()
    clock.advance(2 * LAG_MS)
    await backUp()
  }

  async function seq(): Promise<number> {
    const head = await tables.head(signal)
    assert.ok(head, 'something is committed')
    return head.seq
  }

  /** Item ids by container, as the point lists them. */
  async function held(at?: number): Promise<Map<string, string[]>> {
    const point = at ?? (await seq())
    const found = new Map<string, string[]>()
    for (const container of await itemsOf(CONTAINERS, point)) {
      const items = await itemsOf(container, point)
      if (items.length > 0) found.set(container, items.sort())
    }
    return found
  }

  /** Names of the containers, as the newest point lists them. */
  async function folders(): Promise<string[]> {
    return (await listed(CONTAINERS, await seq())).map(({ display }) => display.name)
  }

  async function itemsOf(container: GraphId, point: number): Promise<GraphId[]> {
    return (await listed(container, point))
      .filter(({ kind }) => container === CONTAINERS || kind === 'item')
      .map(({ item }) => item)
  }

  async function listed(container: GraphId, point: number): Promise<Listed[]> {
    const rows: Listed[] = []
    let continuation: string | undefined
    do {
      const query = { max: 1000, ...(continuation !== undefined && { continuation }) }
      const page = await tables.list(container, point, query, signal)
      rows.push(...page.items)
      continuation = page.continuation
    } while (continuation !== undefined)
    return rows
  }

  async function ledger(): Promise<LedgerEvent[]> {
    const open: LedgerEvent[] = []
    for await (const { event } of tables.open(signal)) if (event.op === 'ledger') open.push(event)
    return open
  }

  /** Planned, started and worked to its end, as its orchestrations do. */
  async function restored(request: Request): Promise<RestoreReport> {
    const resource = keyHash(scene.source)
    const { id } = await restore.create(
      { resource, workload: name, ...request },
      'operator',
      signal,
    )
    for (let n = 0; n < STEPS_MAX; n += 1) {
      const outcome = await restore.step(id, { deadline: clock.now() + SLICE_MS }, signal)
      assert.notEqual(outcome.state, 'failed', JSON.stringify(outcome))
      if (outcome.state === 'wait') clock.advance(outcome.waitMs)
      if (outcome.state !== 'done') continue
      const report = await restore.report(id, { max: 1000 }, signal)
      if (report.state !== 'planned') return report
      await restore.start(id, report.planHash, 'operator', signal)
    }
    throw new Error('the job does not come to its end')
  }

  return { ...backend, slice, backUp, settle, seq, held, folders, ledger, restored }
}

/** Time stands while a step works: none of its waits ends by itself. */
function untilAborted(_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
