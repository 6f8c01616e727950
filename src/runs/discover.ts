/**
 * Discovery: users and sites become resources, and the policy decides which have an owner.
 *
 * Each call goes on where the last one ended, whatever ended it: the position in each source, the
 * policy that was applied and the open full reading are notes in the catalogue. Trouble of one
 * source keeps none of the others from being read.
 */
import type { Catalogue } from '../catalogue/types.ts'
import { AppError, hasCode } from '../model/errors.ts'
import type { PolicyStore } from '../policy/index.ts'
import type { Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import { beginReading, compareReading, endReading, fullReading } from './full-reading.ts'
import { contentCheck, gone, type SeeingDeps, seen } from './seen.ts'
import type { ResourceSource, SourcePage } from './sources.ts'

export interface DiscoverDeps {
  catalogue: Catalogue
  vault: VaultApi
  /** In the order in which they are read: users before the sites that belong to them. */
  sources: readonly ResourceSource[]
  policies: PolicyStore
  clock: Clock
  random: Randomness
}

interface Discovering extends SeeingDeps {
  source: ResourceSource
}

/** Where a source is read on. */
const linkNote = (kind: ResourceSource['kind']) => `discovery-link-${kind}`
/** Number of the policy that the resources' states were last decided by. */
const policyNote = (kind: ResourceSource['kind']) => `policy-applied-${kind}`
const RESOURCES_PAGE = 500
/** How often a resource without content, or that cannot be looked at, is asked for again. */
const RECHECK_MS = 2 * 3_600_000
/** One discovery asks for them no longer than this. */
const RECHECK_CALL_MS = 30_000
/** Where the next one goes on: a continuation of the resources, empty at their beginning. */
const recheckNote = (kind: ResourceSource['kind']) => `recheck-position-${kind}`
/** A source whose pages never end is an error of the service, not a large company. */
const PAGES_MAX = 5000

/**
 * Reads what changed in every source. False: the deadline came first; call again. Throws the first
 * trouble of a source when all were read as far as they could be.
 */
export async function discover(
  deps: DiscoverDeps,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { n, policy } = await deps.policies.read(signal)
  const { catalogue, vault, clock, random } = deps
  let isWhole = true
  let trouble: { cause: unknown } | undefined
  for (const source of deps.sources) {
    const { kind } = source
    const seeing = { catalogue, vault, clock, random, policy, kind, content: contentCheck(source) }
    try {
      isWhole = (await readSource({ ...seeing, source }, n, deadline, signal)) && isWhole
    } catch (cause) {
      if (!(cause instanceof AppError)) throw cause
      trouble ??= { cause }
    }
  }
  if (trouble) throw trouble.cause
  return isWhole
}

async function readSource(
  deps: Discovering,
  policy: number,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  await applyPolicy(deps, policy, signal)
  if (!(await readChanges(deps, deadline, signal))) return false
  if (!(await compareReading(deps, deadline, signal))) return false
  await recheckEmpty(deps, deadline, signal)
  return true
}

async function readChanges(
  deps: Discovering,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalogue, kind } = deps
  let link = (await catalogue.note(linkNote(kind), signal)) ?? null
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { read, reading } = await readPage(deps, link, signal)
    const sighting = { reading, ...(read.isNews && { isNews: read.isNews }) }
    for (const found of read.found) await seen(deps, found, sighting, signal)
    for (const id of read.removed) await gone(deps, id, signal)
    if (read.next === undefined) await endReading(catalogue, kind, signal)
    link = read.next ?? read.delta ?? null
    if (link !== null) await catalogue.saveNote(linkNote(kind), link, signal)
    if (read.next === undefined) return true
    if (deps.clock.now() >= deadline) return false
  }
  return false
}

/** Without a link that is good, the source is read as a whole (full-reading.ts). */
async function readPage(
  { source, catalogue }: Discovering,
  link: string | null,
  signal: AbortSignal,
): Promise<{ read: SourcePage; reading: number | undefined }> {
  if (link !== null) {
    try {
      const read = await source.page(link, signal)
      return { read, reading: (await fullReading(catalogue, source.kind, signal))?.n }
    } catch (error) {
      if (!hasCode(error, 'ResyncNeeded')) throw error
    }
  }
  const { n } = await beginReading(catalogue, source.kind, signal)
  return { read: await source.page(null, signal), reading: n }
}

/** A new policy decides anew about everything: a delta only tells what changed. */
async function applyPolicy(deps: Discovering, n: number, signal: AbortSignal): Promise<void> {
  const { kind } = deps
  if ((await deps.catalogue.note(policyNote(kind), signal)) === String(n)) return
  let continuation: string | undefined
  do {
    const query = { kind, max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await deps.catalogue.resources.list(query, signal)
    for (const resource of page.items) {
      if (resource.state === 'gone') continue
      const { graphId: id, name, address } = resource
      await seen(deps, { id, name, address }, {}, signal)
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  await deps.catalogue.saveNote(policyNote(kind), String(n), signal)
}

/**
 * A mailbox may come later than its user (a licence takes effect within hours), a site may be
 * unlocked, and the source does not tell; so what had nothing, or could not be looked at, is
 * asked for again. A tenant
 * may have thousands of them, so each discovery takes some, and the next one goes on behind them:
 * nobody's backup waits for this.
 */
async function recheckEmpty(
  deps: Discovering,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const { catalogue, clock, kind } = deps
  const before = new Date(clock.now() - RECHECK_MS).toISOString()
  const until = Math.min(deadline, clock.now() + RECHECK_CALL_MS)
  let continuation = (await catalogue.note(recheckNote(kind), signal)) || undefined
  do {
    const query = { kind, max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await catalogue.resources.list(query, signal)
    for (const { state, seenAt, graphId: id, name, address } of page.items) {
      if (state !== 'no-content' && state !== 'unreachable') continue
      if (seenAt > before) continue
      if (clock.now() >= until) return
      await seen(deps, { id, name, address }, {}, signal)
    }
    const goesOn = page.continuation !== undefined || continuation !== undefined
    continuation = page.continuation
    if (goesOn) await catalogue.saveNote(recheckNote(kind), continuation ?? '', signal)
  } while (continuation !== undefined)
}
