/**
 * One page of changes: every change is decided, content is fetched, events are collected.
 *
 * If the deadline falls inside a page, the caller leaves the cursor at the start of the page; what
 * was stored is an event already and is recognised by its marker when the page is read again.
 */

import { eachBounded } from '../concurrency/index.ts'
import { invariant } from '../model/errors.ts'
import type { LedgerEvent, PutEvent, Representation } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { VersionPart } from '../vault/types.ts'
import type { ItemFailure } from '../workloads/failure.ts'
import type { Change, Present } from '../workloads/workload.ts'
import { mayCarry } from './carry.ts'
import { closeContainer, isClosing } from './closing.ts'
import { uncontested } from './contested.ts'
import {
  type Decision,
  decidePermissions,
  decidePresent,
  type Known,
  needsCommitFirst,
  type PermissionsDecision,
} from './decide.ts'
import { departureOf, takeRemoved } from './departures.ts'
import { ledgerEvent } from './ledger.ts'
import { enterLong, isLong } from './long-entry.ts'
import { type LookedUp, lookUp } from './look-up.ts'
import { compareAnswered, compareReturned, knowContainersOf } from './parents.ts'
import { newCursor } from './round.ts'
import { sharingOf, unread, withUnread } from './sharing.ts'
import type { StreamCapture } from './stream-capture.ts'
import { KILLED_WORKER } from './suspects.ts'
import { hasOwnCursor } from './tellers.ts'

/** Ids looked up in the tables at once. */
const LOOKUP_MAX = 200

/** `stopped`: the deadline came, or another writer was faster; the page was not taken whole. */
export type PageOutcome = 'taken' | 'stopped'

/** The changes that this container's cursor told. */
export async function takeTold(
  capture: StreamCapture,
  changes: readonly Change[],
  by: GraphId,
): Promise<PageOutcome> {
  for (const part of partsOf(changes)) {
    const looked = await lookUpSettled(capture, part, by)
    if (looked === 'stopped') return 'stopped'
    const { known } = looked
    for (const change of part) {
      if (change.op === 'removed') await takeRemoved(capture, change, known.get(change.id), by)
    }
    const listed = part.filter((change) => change.op === 'present')
    compareReturned(capture, listed, looked)
    const claims = await takeClaims(capture, listed, known)
    if (claims === undefined) return 'stopped'
    if ((await takePresent(capture, claims.present, known)) === 'stopped') return 'stopped'
  }
  return 'taken'
}

/** What items answered for themselves, which no container contests. */
export async function takeAnswers(
  capture: StreamCapture,
  answers: readonly Present[],
): Promise<PageOutcome> {
  for (const part of partsOf(answers)) {
    const looked = await lookUp(capture, part)
    compareAnswered(capture, part, looked)
    if ((await takePresent(capture, part, looked.known)) === 'stopped') return 'stopped'
  }
  return 'taken'
}

/** The last word on each thing; containers first, so that nothing stands in what is not known. */
function* partsOf<T extends Change>(changes: readonly T[]): Generator<T[]> {
  const latest = [...new Map(changes.map((change) => [change.id, change])).values()]
  const containers = latest.filter((change) => change.kind === 'container')
  const items = latest.filter((change) => change.kind !== 'container')
  for (const group of [containers, items]) {
    for (let at = 0; at < group.length; at += LOOKUP_MAX) yield group.slice(at, at + LOOKUP_MAX)
  }
}

/** Without those that stand elsewhere; undefined where the deadline came. */
async function takeClaims(
  capture: StreamCapture,
  listed: readonly Present[],
  known: ReadonlyMap<GraphId, Known>,
): Promise<{ present: Present[] } | undefined> {
  const claims = await uncontested(capture, listed, known)
  for (const { change, failure } of claims?.undecided ?? []) toLedger(capture, change, failure)
  // What is in the ledger is no news to the next slice, which gets further on this page.
  if (claims?.trouble) throw claims.trouble.cause
  return claims
}

/**
 * What is known, after a commit where one is needed before these changes can be events. It is
 * written before anything of the part is decided: a commit moves what is known of every item.
 */
async function lookUpSettled(
  capture: StreamCapture,
  part: readonly Change[],
  by: GraphId,
): Promise<LookedUp | 'stopped'> {
  const looked = await lookUp(capture, part)
  const isUnsettled = part.some((change) => {
    const known = looked.known.get(change.id)
    const departure = change.op === 'removed' && departureOf(capture, change, known, by)
    return departure && needsCommitFirst(departure, known)
  })
  if (!isUnsettled) return looked
  return (await capture.save()) ? await lookUp(capture, part) : 'stopped'
}

/** The service knows a ledger item no more: what is held of it has left the place it stood in. */
export async function takeGone(capture: StreamCapture, entry: LedgerEvent): Promise<void> {
  const { tables, signal, clock } = capture.context
  const subject = { kind: entry.kind, item: entry.item }
  const held = (await tables.current([entry.item], capture.headSeq, signal)).get(entry.item)
  if (!held || held.deleted) {
    capture.pending.add({ op: 'resolved', ...subject, how: 'gone' })
    return
  }
  const told = { at: new Date(clock.now()).toISOString(), round: capture.round.id }
  capture.pending.add({ op: 'left', ...subject, place: held.place, ...told })
  capture.pending.count('seen')
  capture.pending.count('left')
}

/** Not even the item itself can be read: its entry goes on with the next wait. */
export function takeFailure(
  capture: StreamCapture,
  entry: LedgerEvent,
  failure: ItemFailure,
): void {
  toLedger(capture, { ...entry, id: entry.item }, failure)
}

export interface ContentJob {
  change: Present
  known: Known | undefined
  why: PutEvent['why']
  permissions: PermissionsDecision
  /** What the version shares with the one before; undefined: its content is fetched. */
  carried?: Representation[]
}

async function takePresent(
  capture: StreamCapture,
  present: readonly Present[],
  known: ReadonlyMap<GraphId, Known>,
): Promise<PageOutcome> {
  const jobs: ContentJob[] = []
  await knowContainersOf(capture, present)
  for (const change of present) {
    const before = known.get(change.id)
    const decision = decidePresent(change, before, capture.context.workload.compare)
    if (decision.decide === 'unchanged') {
      capture.pending.count('seen')
      capture.pending.count('unchanged')
      continue
    }
    const { why, permissions } = decision
    const job = { change, known: before, why, permissions }
    const carried = await carriedBy(capture, change, decision)
    // What costs a request waits for its turn, and for the deadline.
    if (carried === undefined || permissions === 'read') {
      jobs.push({ ...job, ...(carried && { carried }) })
    } else await putItem(capture, job, { count: 'restated', carried, parts: [] })
  }
  let outcome: PageOutcome = 'taken'
  const { reader, suspects } = capture.context
  await eachBounded(jobs, suspects.concurrency(reader.concurrency), async (job) => {
    // Containers cost no request, and what stands in them must find them stored.
    const isLate = capture.outOfTime && job.change.kind === 'item'
    if (isLate || (await fetchContent(capture, job)) === 'stopped') outcome = 'stopped'
  })
  return outcome
}

/** What the version shares with the one before; undefined: all of it is fetched. */
async function carriedBy(
  capture: StreamCapture,
  change: Present,
  decision: Exclude<Decision, { decide: 'unchanged' }>,
): Promise<Representation[] | undefined> {
  if (decision.decide === 'content' || change.kind === 'container') return undefined
  return (await mayCarry(capture, change, decision.carried)) ? decision.carried : undefined
}

async function fetchContent(capture: StreamCapture, job: ContentJob): Promise<PageOutcome> {
  const { change } = job
  if (change.kind === 'container') {
    await takeContainer(capture, change)
    const sharing = await sharingOf(capture, job)
    await put(capture, withUnread(job, sharing), sharing.carried, sharing.parts)
    capture.pending.count(change.excluded ? 'excluded' : 'stored')
    return 'taken'
  }
  const { suspects } = capture.context
  if (suspects.accuses(change.id)) toLedger(capture, change, KILLED_WORKER)
  else if (job.carried) await restate(capture, job, job.carried)
  else if (isLong(capture, change)) enterLong(capture, change)
  else {
    // First: whoever finds the new version stored must be able to trust that these are.
    const after = await takeEarlier(capture, job)
    if (after === 'stopped') return 'stopped'
    await suspects.during(change, () => storeContent(capture, after))
  }
  return 'taken'
}

/**
 * The versions before this one that the service keeps; each is captured once. The same job, which
 * says so where nobody tells which there are.
 */
async function takeEarlier(
  capture: StreamCapture,
  job: ContentJob,
): Promise<ContentJob | 'stopped'> {
  const { change, known } = job
  const { reader, signal } = capture.context
  const versions = (await reader.earlier?.(change, known?.marker, signal)) ?? []
  if (versions === 'unread') return { ...job, change: unread(change, 'earlier-versions') }
  if (versions.length === 0) return job
  return (await takeAnswers(capture, versions)) === 'stopped' ? 'stopped' : job
}

/** The content as it was, under new permissions. */
async function restate(
  capture: StreamCapture,
  job: ContentJob,
  carried: readonly Representation[],
): Promise<void> {
  const sharing = await sharingOf(capture, job)
  const parts = sharing.parts
  await putItem(capture, withUnread(job, sharing), { count: 'restated', carried, parts })
}

async function storeContent(capture: StreamCapture, job: ContentJob): Promise<void> {
  const { change } = job
  const { reader, signal } = capture.context
  // Short, and whole before the content is begun: a stream that nobody reads would keep its slot.
  const sharing = await sharingOf(capture, job)
  const content = await reader.content(change, signal)
  if (content.outcome === 'content') {
    const [first, ...others] = content.parts
    const noted = first && content.note ? { ...first, note: content.note } : first
    const parts = [...(noted ? [noted, ...others] : []), ...sharing.parts]
    const { carried } = sharing
    await putItem(capture, withUnread(job, sharing), { count: 'stored', carried, parts })
    return
  }
  const isGone = content.outcome === 'gone'
  toLedger(capture, change, isGone ? GONE_BEFORE_READ : capture.blamed(content, change.id))
}

/** It was there, and its content is not: the next page of changes says what became of it. */
export const GONE_BEFORE_READ = {
  reason: 'gone-before-read',
  code: 'ItemGone',
  retry: true,
} as const

function toLedger(
  capture: StreamCapture,
  change: Pick<Present, 'kind' | 'id' | 'place' | 'display'>,
  failure: ItemFailure,
): void {
  const { clock } = capture.context
  // How far its content has come stays worth something, whatever its trouble is now.
  const item = { ...change, progress: capture.entryOf(change.id)?.progress }
  capture.pending.add(ledgerEvent(item, failure, capture.open.get(change.id), clock.now()))
  capture.pending.count('seen')
  capture.pending.count('ledger')
}

/** The item as it is now, whose content was captured before, over several slices. */
export async function takeWhole(
  capture: StreamCapture,
  change: Present,
  content: Representation,
): Promise<PageOutcome> {
  const { known } = await lookUp(capture, [change])
  const before = known.get(change.id)
  const decision = decidePresent(change, before, capture.context.workload.compare)
  // It may be what is held by now; what is held and no longer locked gives way to what was captured.
  const isHeld = decision.decide === 'unchanged' || (await carriedBy(capture, change, decision))
  if (isHeld) return await takePresent(capture, [change], known)
  const { why, permissions } = decision
  await knowContainersOf(capture, [change])
  const job = await takeEarlier(capture, { change, known: before, why, permissions })
  if (job === 'stopped') return 'stopped'
  const sharing = await sharingOf(capture, job)
  const { parts } = sharing
  const carried = [content, ...sharing.carried]
  await putItem(capture, withUnread(job, sharing), { count: 'stored', carried, parts })
  return 'taken'
}

/** Permissions that were read apart from any change, of something that is as it is held. */
export async function takePermissions(
  capture: StreamCapture,
  { change, known, parts }: { change: Present; known: Known; parts: readonly VersionPart[] },
): Promise<void> {
  const carried = known.representations.filter(
    ({ name }) => name !== 'json' && name !== 'permissions',
  )
  const job = { change, known, why: 'decoration', permissions: 'read' } as const
  // What must not be shared any more is fetched anew, permissions included.
  if (await mayCarry(capture, change, carried)) {
    await putItem(capture, job, { count: 'restated', carried, parts })
  } else await fetchContent(capture, job)
}

/** Content that is another one although its marker does not say so. */
export async function takeForged(
  capture: StreamCapture,
  { change, known }: { change: Present; known: Known },
): Promise<void> {
  // What the last page said of its sharing stays the last word, so that the page is no news.
  const { sharing } = known.marker
  const marker = { ...change.marker, ...(sharing !== undefined && { sharing }) }
  const permissions = decidePermissions(marker, known)
  const job = { change: { ...change, marker }, known, why: 'content', permissions } as const
  await fetchContent(capture, job)
}

/** Content that breaks while it is stored, or does not fit, is the item's trouble alone. */
async function putItem(
  capture: StreamCapture,
  job: ContentJob,
  how: {
    count: 'stored' | 'restated'
    carried: readonly Representation[]
    parts: readonly VersionPart[]
  },
): Promise<void> {
  try {
    await put(capture, job, how.carried, how.parts)
    capture.pending.count(how.count)
    if (how.count === 'stored') capture.blame.wentWell()
  } catch (error) {
    toLedger(capture, job.change, capture.failureOf(error, job.change.id))
  }
}

/** A container that is read gets a cursor; one that is excluded loses it, and its members. */
async function takeContainer(capture: StreamCapture, change: Present): Promise<void> {
  const cursor = capture.cursors.get(change.id)
  if (isClosing(capture, change)) {
    await closeContainer(capture, change.id)
    return
  }
  if (!hasOwnCursor(capture, change.id)) return
  if (!cursor || cursor.closed) capture.setCursor(newCursor(change.id))
}

async function put(
  capture: StreamCapture,
  job: ContentJob,
  carried: readonly Representation[],
  parts: readonly VersionPart[],
): Promise<void> {
  const { change, known, why } = job
  const { context, pending } = capture
  const writer = capture.writer
  const representations = await writer.addVersion(
    {
      item: change.id,
      kind: change.kind,
      container: change.place.container,
      workload: context.workload.name,
      json: change.json,
      parts,
      carried,
    },
    context.signal,
  )
  invariant(writer === capture.writer, 'no commit is written while content is added to it')
  const leaves = known?.row ?? pending.leavesOf(change.id)
  pending.add({
    op: 'put',
    kind: change.kind,
    item: change.id,
    why,
    place: change.place,
    marker: change.marker,
    display: change.excluded ? { ...change.display, excluded: change.excluded } : change.display,
    representations,
    ...(leaves && { leaves }),
  })
  pending.count('seen')
}
