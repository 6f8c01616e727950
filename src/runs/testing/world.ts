/** A directory of a few people, and the real catalogue, vault and policies over memory. */
import type { Run } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { createPolicyStore } from '../../policy/index.ts'
import { memoryBackend } from '../../vault/testing/memory-backend.ts'
import { createMemoryBlobStore } from '../../vault/testing/memory-blob-store.ts'
import type { ResourceSource, SourcePage } from '../sources.ts'

const START = Date.parse('2026-11-21T08:00:00Z')

const userOf = (name: string) => ({ id: name as GraphId, name, address: `${name}@x.example` })

/** Users in one page of the whole directory. */
const PAGE = 2

function pageOf(names: readonly string[], from: number): SourcePage {
  const page = { found: names.slice(from, from + PAGE).map(userOf), removed: [] }
  const end = from + PAGE
  return end < names.length ? { ...page, next: `whole-${end}` } : { ...page, delta: 'link' }
}

export async function runsWorld() {
  const backend = memoryBackend({ start: START })
  const { clock, vault, catalogue, signal } = backend
  const policies = createPolicyStore(createMemoryBlobStore(clock.now), clock)
  await vault.prepare(signal)
  await policies.prepare(signal)
  await catalogue.markReady(signal)

  /** Told once, as a delta does. */
  let news: SourcePage = { found: [], removed: [], delta: 'link' }
  let linkIsLost = false
  /** Everybody, for a directory that is read as a whole; undefined: as the news say. */
  let whole: string[] | undefined
  /** What asking for a mailbox or a user throws. */
  const trouble = new Map<string, Error>()
  const without = new Set<string>()
  /** Users that the directory knows no more when it is asked for them, and who was asked for. */
  const departed = new Set<string>()
  const asked: string[] = []
  const directory: ResourceSource = {
    kind: 'user',
    page: async (link: string | null) => {
      if (link !== null && linkIsLost) {
        linkIsLost = false
        throw new AppError({ code: 'ResyncNeeded', kind: 'transient', message: 'answered 410' })
      }
      if (link === null && whole) return pageOf(whole, 0)
      if (link?.startsWith('whole-')) return pageOf(whole ?? [], Number(link.slice(6)))
      const page = news
      news = { found: [], removed: [], delta: 'link' }
      return page
    },
    content: async (user: GraphId) => {
      const error = trouble.get(user)
      if (error) throw error
      return without.has(user)
        ? ({ state: 'none', reason: 'MailboxNotEnabledForRESTAPI' } as const)
        : ({ state: 'ready', purpose: 'user' } as const)
    },
    exists: async (user: GraphId) => {
      asked.push(user)
      const error = trouble.get(user)
      if (error) throw error
      return !departed.has(user)
    },
  }
  return {
    ...backend,
    ...{ policies, directory, sources: [directory], trouble, without, departed, asked },
    joins(...names: string[]) {
      news = { ...news, found: names.map(userOf) }
    },
    /** The next link is refused; the whole directory then shows these people. */
    losesLink(...names: string[]) {
      linkIsLost = true
      whole = names
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
