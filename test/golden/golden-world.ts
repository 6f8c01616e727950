/**
 * One owner and a scripted service, captured into a vault in memory by the product itself, for the
 * script that writes golden vaults.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { runSlice, type SliceSettings } from '../../src/capture/index.ts'
import type { ScriptedClock } from '../../src/capture/testing/scripted-mailbox.ts'
import { SLICE_SETTINGS } from '../../src/capture/testing/settings.ts'
import { createCatalogue } from '../../src/catalogue/index.ts'
import { memoryTableStore } from '../../src/catalogue/testing/memory-table-store.ts'
import { invariant } from '../../src/model/errors.ts'
import {
  type GraphId,
  keyHash,
  parseOwnerId,
  seqName,
  type WorkloadName,
} from '../../src/model/ids.ts'
import { createVault } from '../../src/vault/index.ts'
import { createMemoryBlobStore } from '../../src/vault/testing/memory-blob-store.ts'
import type { Workload } from '../../src/workloads/workload.ts'
import type { Expected, ExpectedItem, ExpectedPoint } from './expected.ts'
import { keysOf, writeGolden } from './golden-folder.ts'

const START = Date.parse('2026-03-02T08:00:00Z')
const HOUR_MS = 3_600_000
const SLICES_MAX = 200

/** What the script knows to be in the service. */
export type Truth = Record<string, ExpectedItem>

export interface Story {
  /** Name of the golden vault. */
  name: string
  owner: { id: string; graphId: string; kind: string; name: string }
  workload: WorkloadName
  /** Number of keys that open everything. */
  recipients: number
  settings: Partial<SliceSettings>
  service: { workload(clock: ScriptedClock): Workload }
  truth(): Truth
  /** Reasons of what cannot be stored. */
  ledger(): Record<string, string>
}

export async function goldenWorld(story: Story) {
  const newKey = () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
  const privateKeys = Array.from({ length: story.recipients }, newKey)
  const secret = new Uint8Array(randomBytes(32))
  const keys = keysOf(privateKeys, async () => secret)
  let now = START
  const clock = {
    now: () => now,
    sleep: async () => undefined,
    advance: (ms: number) => {
      now += ms
    },
  }
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) }
  const blobs = createMemoryBlobStore(clock.now)
  const settings = { ...SLICE_SETTINGS, ...story.settings }
  const vault = createVault({
    ...{ vault: blobs, keys, clock, random, toolVersion: 'holdfast/0.1.0' },
    packBytes: settings.packBytes,
  })
  const catalogue = createCatalogue({
    ...{ tables: memoryTableStore(), clock, random, protectionDays: 30, generationDays: 30 },
    tenantId: '11111111-2222-4333-8444-555555555555',
  })
  const { signal } = new AbortController()
  const owner = parseOwnerId(story.owner.id)
  const graphId = story.owner.graphId as GraphId
  await vault.prepare(signal)
  await vault.registerOwner({ ...story.owner, owner, graphId }, signal)
  await catalogue.owners.insert(
    {
      ...{ owner, graphId, resource: keyHash(graphId), workloads: [story.workload] },
      ...{ dueAt: new Date(START).toISOString(), coverage: 'waiting', trouble: '' },
      ...{ attempts: 0, ledgerOpen: 0 },
    },
    signal,
  )
  const workload = { ...story.service.workload(clock), name: story.workload }
  const points: ExpectedPoint[] = []
  const voids: number[] = []
  let left: Truth = {}
  const known = new Set<string>()

  async function slice(sliceMs = HOUR_MS): Promise<boolean> {
    const result = await runSlice(
      { owner, holder: 'golden', progress: async () => undefined },
      { vault, catalogue, workload: () => workload, clock, settings: { ...settings, sliceMs } },
      signal,
    )
    invariant(['done', 'more'].includes(result.state), `a slice works: ${result.trouble}`)
    clock.advance(1000)
    return result.state === 'done'
  }

  async function headSeq(): Promise<number> {
    return (await catalogue.stream(owner, story.workload).head(signal))?.seq ?? 0
  }

  return {
    advance: clock.advance,
    slice,
    async round(): Promise<void> {
      for (let n = 0; n < SLICES_MAX; n += 1) if (await slice()) return
      throw new Error('the story does not settle')
    },
    /** Long content of the item has come this far, and is not whole. */
    async bytesOf(item: string): Promise<number> {
      for await (const { event } of catalogue.stream(owner, story.workload).open(signal)) {
        if (event.op !== 'ledger' || event.item !== item) continue
        return event.progress?.position.offset ?? 0
      }
      return 0
    },
    /** Of what goes now the vault says at first that it left. */
    leaves(...ids: string[]): void {
      const truth = story.truth()
      for (const id of ids) {
        const item = truth[id]
        invariant(item, 'what leaves was there')
        left = { ...left, [id]: item }
      }
    },
    /** What has left so far is deleted by now. */
    leftIsDeleted(): void {
      left = {}
    },
    /** Puts bytes that are no commit where the next commit would be. */
    async spoilNextCommit(): Promise<void> {
      const seq = (await headSeq()) + 1
      const name = `c/${owner}/${story.workload}/${seqName(seq)}/commit.json`
      await blobs.create(name, Buffer.from('{"these":"bytes are no commit"}'), signal)
      voids.push(seq)
    },
    /** Writes down what the newest commit must show. */
    async point(after: string): Promise<void> {
      const items = { ...left, ...story.truth() }
      for (const id of Object.keys(items)) known.add(id)
      const deleted = [...known].filter((id) => !(id in items)).sort()
      const entries = { left: Object.keys(left).sort(), ledger: story.ledger(), deleted }
      points.push({ seq: await headSeq(), after, items, ...entries })
    },
    /** `vaults`: as for writeGolden. */
    write(vaults?: string): void {
      const { workload: of, owner: its } = story
      const expected: Expected = { owner: its, workload: of, voids, points }
      writeGolden(story.name, { expected, privateKeys, blobs: blobs.blobs }, vaults)
    },
  }
}
