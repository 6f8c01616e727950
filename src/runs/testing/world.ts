/** A directory of a few people, and the real catalogue, vault and policies over memory. */
import type { Run } from '../../catalogue/types.ts'
import type { GraphId } from '../../model/ids.ts'
import { createPolicyStore } from '../../policy/index.ts'
import { memoryBackend } from '../../vault/testing/memory-backend.ts'
import { createMemoryBlobStore } from '../../vault/testing/memory-blob-store.ts'
import type { DirectoryPage } from '../discover.ts'

const START = Date.parse('2026-11-21T08:00:00Z')

export async function runsWorld() {
  const { clock, random, vault, catalogue, signal } = memoryBackend({ start: START })
  const policies = createPolicyStore(createMemoryBlobStore(clock.now), clock)
  await vault.prepare(signal)
  await policies.prepare(signal)
  await catalogue.markReady(signal)

  /** Told once, as a delta does. */
  let news: DirectoryPage = { users: [], removed: [], delta: 'link' }
  /** What asking for a mailbox throws. */
  const trouble = new Map<string, Error>()
  const without = new Set<string>()
  const directory = {
    users: async () => {
      const page = news
      news = { users: [], removed: [], delta: 'link' }
      return page
    },
    mailbox: async (user: GraphId) => {
      const error = trouble.get(user)
      if (error) throw error
      return without.has(user)
        ? { available: false, reason: 'MailboxNotEnabledForRESTAPI' }
        : { available: true, reason: '' }
    },
  }
  return {
    ...{ clock, random, signal, catalogue, vault, policies, directory, trouble, without },
    joins(...names: string[]) {
      const users = names.map((n) => ({ id: n as GraphId, name: n, address: `${n}@x.example` }))
      news = { ...news, users }
    },
    leaves(name: string) {
      news = { ...news, removed: [name as GraphId] }
    },
    async states() {
      const { items } = await catalogue.resources.list({ max: 100 }, signal)
      return Object.fromEntries(items.map((r) => [r.name, r.state]))
    },
  }
}

export type RunsWorld = Awaited<ReturnType<typeof runsWorld>>

export function runRow(id: string, at: number, changes: Partial<Run> = {}): Run {
  const time = new Date(at).toISOString()
  return {
    id,
    kind: 'scheduled',
    state: 'done',
    createdAt: time,
    heartbeatAt: time,
    attempt: 1,
    wave: 0,
    resources: [],
    by: 'timer',
    flags: { cancel: false, pause: false },
    trouble: '',
    ...changes,
  }
}
