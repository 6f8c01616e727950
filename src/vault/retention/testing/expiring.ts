/** What tests of the expirer share: a vault of which the first versions are past retention. */
import assert from 'node:assert/strict'
import { AppError, hasCode } from '../../../model/errors.ts'
import type { BlobRemoval } from '../../../ports.ts'
import type { ExpiryPlan } from '../expirer.ts'
import { ADA, numbered } from './records.ts'
import { fourVersions, MAIL, type Names, RetentionWorld } from './world.ts'

export const PLAN = /^expirer\/\d{4}-\d{2}-\d{2}\/plan-[0-9a-f]{32}\.json$/
export const DONE = /^expirer\/.*\/done-/
export const REFUSED = { outcome: 'refused', code: '' }
export const coded = (code: string) => (error: unknown) => hasCode(error, code)

export const vaultNames = (world: RetentionWorld, ending = ''): string[] =>
  world.storage.vault.names().filter((name) => name.endsWith(ending))
export const plans = (world: RetentionWorld) => world.said(PLAN) as ExpiryPlan[]
export const namesOf = (plan: ExpiryPlan | undefined): string[] =>
  plan?.blobs.map(({ name }) => name) ?? []
export const commit = (seq: number, { owner, workload } = MAIL): string =>
  `c/${owner}/${workload}/${numbered(seq)}/commit.json`

/** The first two versions are past retention and locked no longer; the keeper has just passed. */
export async function pastRetention(): Promise<{ past: RetentionWorld; names: Names }> {
  const { world: past, names } = await fourVersions()
  past.days(65)
  await past.keep()
  return { past, names }
}

/** The first base says something else than the commits before it. */
export async function forgedBase(): Promise<RetentionWorld> {
  const world = await RetentionWorld.make()
  await world.policy(1, { days: 30 })
  await world.register(ADA)
  for (const item of ['a', 'b']) await world.commit(item)
  await world.base({ forged: true })
  await world.commit('a')
  await world.base()
  await world.commit('a')
  world.days(65)
  return world
}

/** With one plan: that of the first commit. */
export async function planned(past: RetentionWorld): Promise<RetentionWorld> {
  const world = past.fork()
  assert.deepEqual(await world.plan(), { outcome: 'planned', plans: 1, blobs: 1 })
  return world
}

/** When the newest plan was created, by storage. */
export function plannedAt(world: RetentionWorld): number {
  const times = world.storage.ops
    .names('expirer/')
    .filter((name) => PLAN.test(name))
    .map((name) => world.storage.ops.currentOf(name)?.createdAt.getTime() ?? 0)
  return Math.max(...times)
}

/** Plans and carries out, until nothing more goes. Answers the plans. */
export async function expireAll(world: RetentionWorld): Promise<ExpiryPlan[]> {
  const seen = new Set(world.storage.ops.names('expirer/'))
  const all: ExpiryPlan[] = []
  while ((await world.plan()).outcome === 'planned') {
    for (const name of world.storage.ops.names('expirer/')) {
      if (seen.has(name) || !PLAN.test(name)) continue
      seen.add(name)
      all.push(JSON.parse(Buffer.from(world.storage.ops.currentOf(name)?.bytes ?? []).toString()))
    }
    world.days(1)
    await world.execute()
  }
  return all
}

/** The names that are to go, in order; of some of them it says no with a code. */
export function recordingRemoval(
  world: RetentionWorld,
  refused?: (name: string) => string | undefined,
) {
  const { removal } = world.expirerDeps()
  const calls: string[] = []
  const remove: BlobRemoval['remove'] = async (name, version, signal) => {
    calls.push(name)
    const code = refused?.(name)
    if (code) throw new AppError({ code, kind: 'permanent', message: 'x' })
    return await removal.remove(name, version, signal)
  }
  return { calls, removal: { ...removal, remove } }
}

/** What a keeper would say that has just begun. */
export function passOf(world: RetentionWorld, more = {}): string {
  const counts = { owners: 0, versions: 0, extended: 0, held: 0, released: 0, doubts: 0 }
  const pass = { begunAt: world.now, policies: 1, holds: 0, counts, forgedBases: 0, ...more }
  return JSON.stringify(pass)
}
