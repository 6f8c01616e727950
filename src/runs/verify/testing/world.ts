/** A vault of a few owners on the storage simulator, and its verification, step by step. */
import { type SimulatedProcess, SimulatedStorage } from '../../../../sandbox/storage/index.ts'
import { createCatalogue } from '../../../catalogue/index.ts'
import type { Owner, Verification, Verified } from '../../../catalogue/types.ts'
import { AppError, invariant } from '../../../model/errors.ts'
import { type GraphId, keyHash, type OwnerId, parseOwnerId } from '../../../model/ids.ts'
import type { VerifyAnswer } from '../../../orchestrations/names.ts'
import { vaultOn } from '../../../vault/testing/fixture.ts'
import { TENANT_ID } from '../../../vault/testing/memory-backend.ts'
import type { VaultApi } from '../../../vault/types.ts'
import { addCommit, fillVault, type Writing } from '../../../vault/verify/testing/vaults.ts'
import {
  type BeginVerifyDeps,
  newVerification,
  type VerifyRunDeps,
  type VerifySettings,
  verifyStep,
} from '../index.ts'

export const DAY_MS = 24 * 3_600_000
/** A verification that is not done after so many steps never is. */
const STEPS_MAX = 400
const PACK_BYTES = 64 * 1024
const never = new AbortController().signal
const log = { info: () => undefined, error: () => undefined }
export const SETTINGS: VerifySettings = { everyDays: 30, openPercent: 100 }

export interface Stepping {
  sliceMs?: number
  process?: SimulatedProcess
  /** Told of every step, before it. */
  onStep?: (process: SimulatedProcess) => void
  /** Puts something between a step and what it works with. */
  with?: (deps: VerifyRunDeps) => Partial<VerifyRunDeps>
}

export async function verifyWorld(): Promise<VerifyWorld> {
  const storage = new SimulatedStorage({ seed: 1, blobs: { policy: { days: 60, mode: 'Locked' } } })
  storage.tables.make()
  const { clock } = storage
  const { vault: store, keys } = storage.open('writer', storage.process('writer'))
  const on = { vault: vaultOn({ store, keys, clock, packBytes: PACK_BYTES }), clock }
  const { owner, other } = await fillVault(on)
  const owners = [owner, other, await thirdOwner(on)].sort()
  const world = over(storage, owners)
  const { catalogue } = world.rows('writer')
  await catalogue.markReady(never)
  for (const one of owners) await catalogue.owners.insert(ownerRow(one), never)
  return world
}

const thirdOwner = (on: Writing & { vault: VaultApi }): Promise<OwnerId> =>
  grace(on, '7'.repeat(32))

async function grace(on: Writing & { vault: VaultApi }, id: string): Promise<OwnerId> {
  const owner = parseOwnerId(id)
  const introduction = { owner, graphId: 'user-3' as GraphId, kind: 'user', name: 'Grace' }
  await on.vault.registerOwner(introduction, never)
  await addCommit(on, owner, undefined, 2)
  return owner
}

function ownerRow(owner: OwnerId): Owner {
  const at = '2026-11-21T08:00:00.000Z'
  return {
    ...{ owner, resource: keyHash(owner), graphId: `g-${owner}` as GraphId, workloads: ['mail'] },
    ...{ dueAt: at, completeAt: at, coverage: 'covered', trouble: '', attempts: 0, ledgerOpen: 0 },
  }
}

export type VerifyWorld = ReturnType<typeof over>

/** The same at the same time, for who tries another way on. */
export const fork = ({ storage, owners }: VerifyWorld): VerifyWorld => over(storage.fork(), owners)

/** `owners`: in the order in which they are verified. */
function over(storage: SimulatedStorage, owners: OwnerId[]) {
  const { clock } = storage
  const rows = (role: 'writer' | 'restorer', process = storage.process(role)) => {
    const opened = storage.open(role, process)
    const days = { protectionDays: 30, generationDays: 30 }
    return { ...opened, catalogue: createCatalogue({ ...opened, tenantId: TENANT_ID, ...days }) }
  }
  const deps = ({ sliceMs = 10 * 60_000, process, with: between }: Stepping): VerifyRunDeps => {
    const { catalogue, vault: store, ops, keys, locks, random } = rows('restorer', process)
    const all = {
      ...{ catalogue, store, ops, keys, clock, random, log, sliceMs, slackMs: 60_000 },
      versions: locks.vault,
    }
    return { ...all, ...between?.(all) }
  }
  const step = (id: string, stepping: Stepping = {}): Promise<VerifyAnswer> =>
    verifyStep({ verification: id, attempt: 1 }, deps(stepping), never)
  const row = async (id: string): Promise<Verification> => {
    const found = await rows('restorer').catalogue.verifications.get(id, never)
    invariant(found, 'a verification keeps its row')
    return found
  }
  return {
    ...{ storage, clock, owners, rows, step, row },
    begin(settings: VerifySettings = SETTINGS): BeginVerifyDeps {
      const { catalogue, vault: store, keys, random } = rows('restorer')
      const vault = vaultOn({ store, keys, clock, packBytes: PACK_BYTES })
      return { catalogue, vault, clock, random, settings }
    },
    /** One more owner with a commit, the last in the order of ids. */
    async addOwner(): Promise<OwnerId> {
      const { catalogue, vault: store, keys } = rows('writer')
      const on = { vault: vaultOn({ store, keys, clock, packBytes: PACK_BYTES }), clock }
      const owner = await grace(on, 'f'.repeat(32))
      await catalogue.owners.insert(ownerRow(owner), never)
      return owner
    },
    /** A row that waits to be verified. */
    async ask({ openPercent = 100 } = {}): Promise<string> {
      const after = (days: number) => new Date(clock.now() + days * DAY_MS).toISOString()
      const given = { id: 'v-1', openPercent, seed: 's' }
      const locks = { until: after(30), most: after(430) }
      const asked = newVerification({ ...given, locks }, clock.now())
      await rows('restorer').catalogue.verifications.insert(asked, never)
      return asked.id
    },
    /** As the orchestration does it: steps that fail are called again; waiting passes at once. */
    async drive(id: string, stepping: Stepping = {}) {
      for (let steps = 1; steps <= STEPS_MAX; steps += 1) {
        const process = stepping.process ?? storage.process('restorer')
        stepping.onStep?.(process)
        const answer = await step(id, { ...stepping, process }).catch(afterFailure)
        if (answer.state === 'done') return { row: await row(id), steps }
        if (answer.state === 'wait') {
          clock.advance(Math.max(0, Date.parse(answer.nextAt) - clock.now()))
        }
      }
      throw new Error('The verification does not end.')
    },
    async verified(owner: OwnerId | undefined): Promise<Verified | undefined> {
      invariant(owner, 'there is such an owner')
      return (await rows('restorer').catalogue.owners.get(owner, never))?.verified
    },
    /** The reports, by their names. */
    reports(): Record<string, Record<string, unknown>> {
      const textOf = (name: string) => Buffer.from(storage.ops.currentOf(name)?.bytes ?? [])
      const names = storage.ops.names('verify/')
      return Object.fromEntries(names.map((name) => [name, JSON.parse(textOf(name).toString())]))
    },
  }
}

function afterFailure(error: unknown): Pick<VerifyAnswer, 'state' | 'nextAt'> {
  if (error instanceof AppError && error.kind === 'bug') throw error
  return { state: 'more', nextAt: '' }
}
