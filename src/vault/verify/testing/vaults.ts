/** Vaults for tests of verification: whole ones, and ways to spoil them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { CommitRef } from '../../../model/events.ts'
import type { OwnerId } from '../../../model/ids.ts'
import {
  contentOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from '../../testing/fixture.ts'
import { baseOf } from '../../testing/states.ts'
import type { VaultApi } from '../../types.ts'
import {
  reportOf,
  type VerifyDeps,
  type VerifyOptions,
  type VerifyPlan,
  type VerifyProgress,
  type VerifyReport,
  verifyStart,
  verifyVault,
} from '../index.ts'
import { accessOf } from '../owner-keys.ts'
import { Tally } from '../tally.ts'
import type { Access, Work } from '../work.ts'

export const FULL: VerifyPlan = { openPercent: 100, seed: 's' }
export const HASHES: VerifyPlan = { openPercent: 0, seed: 's' }

export interface OwnedVault {
  on: TestVault
  /** Whose stream has commits with everything inside, some with blobs beside them, and a base. */
  owner: OwnerId
  /** Somebody else, with one commit. */
  other: OwnerId
}

/** Five commits of the owner: 1 and 4 hold all inside, 2 and 3 have blobs beside, 5 is a base. */
export async function ownedVault(): Promise<OwnedVault> {
  const on = memoryVault()
  return { on, ...(await fillVault(on)) }
}

/** A vault, and the clock by which it is written. */
export interface Writing {
  vault: VaultApi
  clock: { advance(ms: number): void }
}

export async function fillVault(on: Writing): Promise<Pick<OwnedVault, 'owner' | 'other'>> {
  await on.vault.prepare(never)
  const [owner, other] = [await registered(on.vault), await registered(on.vault)]
  let last: CommitRef | undefined
  for (const n of [1, 2, 3, 4]) last = await addCommit(on, owner, last, n)
  assert.ok(last)
  const stream = await on.vault.stream(owner, 'mail', never)
  const base = await baseOf(stream, last)
  const result = await stream.begin(last).commit(contentOf([]), { complete: true, base }, never)
  assert.ok(result.outcome === 'committed')
  await addCommit(on, other, undefined, 1)
  return { owner, other }
}

/** With three versions; the second and third commit have blobs beside them. */
export async function addCommit(
  on: Writing,
  owner: OwnerId,
  last: CommitRef | undefined,
  n: number,
): Promise<CommitRef> {
  on.clock.advance(60_000)
  const stream = await on.vault.stream(owner, 'mail', never)
  const writer = stream.begin(last)
  const events = []
  for (const item of [`a${n}`, `b${n}`, 'same']) {
    // Noise, so that a flipped bit meets bytes that matter; text, so that some is compressed.
    const parts = [randomBytes(3000), Buffer.from(`${n} ${'text '.repeat(2000)}`)]
    events.push(putEvent(item, await writer.addVersion(version(item, ...parts), never)))
  }
  const [first] = events
  if (first && (n === 2 || n === 3)) first.display.name = randomBytes(300_000).toString('base64')
  const result = await writer.commit(contentOf(events), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  const { seq, hash, time } = result.commit
  return { seq, hash, time }
}

export async function verify(
  deps: VerifyDeps,
  plan: VerifyPlan = FULL,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  return reportOf(await verifyVault(deps, verifyStart(plan), options, never))
}

/** Every progress that a run gives, as a file would keep it. */
export async function progressOf(
  deps: VerifyDeps,
  plan: VerifyPlan,
  options: Pick<VerifyOptions, 'everyBytes'> = {},
): Promise<VerifyProgress[]> {
  const all: VerifyProgress[] = [verifyStart(plan)]
  const onProgress = (progress: VerifyProgress) => {
    all.push(JSON.parse(JSON.stringify(progress)))
  }
  await verifyVault(deps, verifyStart(plan), { ...options, onProgress }, never)
  return all
}

/** The codes of errors and warnings, each once. */
export function codesOf({ findings }: VerifyReport): string[] {
  const grave = findings.filter(({ severity }) => severity !== 'notice')
  return [...new Set(grave.map(({ code }) => code))].sort()
}

export function namesOf({ store }: TestVault, pattern: RegExp): string[] {
  return [...store.blobs.keys()].filter((name) => pattern.test(name)).sort()
}

export function change(
  { store }: TestVault,
  name: string,
  how: (bytes: Buffer) => Uint8Array,
): void {
  const blob = store.blobs.get(name)
  assert.ok(blob, `a blob ${name}`)
  store.blobs.set(name, { ...blob, bytes: Uint8Array.from(how(Buffer.from(blob.bytes))) })
}

export function flipped(at: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const place = at < 0 ? bytes.length + at : at
    bytes[place] = (bytes[place] ?? 0) ^ 1
    return bytes
  }
}

/** What one check works with, and what it has counted and found so far. */
export async function workOn(
  { store, keys }: VerifyDeps,
  owner: OwnerId,
  plan: VerifyPlan = FULL,
): Promise<{ work: Work; access: Access; told(): VerifyProgress }> {
  const tally = new Tally(verifyStart(plan))
  const rest = { versions: undefined, everyBytes: 256 * 1024 * 1024, signal: never }
  const work: Work = { store, keys, plan, tally, ...rest }
  const { access } = await accessOf(work, owner)
  return { work, access, told: () => tally.at({ step: 'done' }) }
}

export async function allOf<T>(steps: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const step of steps) all.push(step)
  return all
}
