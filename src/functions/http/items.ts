/**
 * Items as of one commit: the list of a container, and one item. What a person sees in a list
 * (subject, sender, date), never content; every page that is shown is in the audit.
 */
import { z } from 'zod'
import type { Caller } from '../../access/index.ts'
import type { AuditAction } from '../../audit/index.ts'
import type { HeldItem, Listed } from '../../catalogue/types.ts'
import { type KeyHash, keyHash } from '../../model/ids.ts'
import { packsOf } from '../../model/representation.ts'
import { cursorText, positionOf } from './cursor.ts'
import type { HttpDeps } from './deps.ts'
import { atParam, keyOf, pageQuery, workloadParam } from './input.ts'
import { refusal } from './problems.ts'
import { getRoute } from './route.ts'
import { asOf, type StreamAt, streamOf } from './stream-at.ts'

export const itemQuery = z.strictObject({ workload: workloadParam, at: atParam })

export const listItems = getRoute({
  name: 'apiListItems',
  path: 'v1/resources/{id}/items',
  right: 'browse',
  query: pageQuery.extend({
    workload: workloadParam,
    at: atParam,
    container: z.string({ error: 'must be the id of a container' }).max(100),
  }),
  async handle({ params, query, caller, signal }, deps) {
    const stream = await streamOf(params.id, query.workload, deps, signal)
    const key = keyOf(query.container, 'container')
    const list = ['items', stream.resource.key, stream.workload, key, query.at ?? 'head']
    const from = positionOf(list, query.cursor)
    const state = await asOf(stream, { at: query.at, pinned: from?.seq }, deps, signal)
    const container = await containerOf(state, key, signal)
    await recordSight('items-listed', { caller, state, container: key }, deps, signal)
    const page = await state.tables.list(
      container.item,
      state.seq,
      { max: query.max, ...(from && { continuation: from.next }) },
      signal,
    )
    const { seq } = state
    const next = page.continuation && cursorText(list, { next: page.continuation, seq })
    return { status: 200, json: { seq, items: page.items.map(listed), next } }
  },
})

export const getItem = getRoute({
  name: 'apiGetItem',
  path: 'v1/resources/{id}/items/{item}',
  right: 'browse',
  query: itemQuery,
  async handle({ params, query, caller, signal }, deps) {
    const key = keyOf(params.item, 'item')
    const stream = await streamOf(params.id, query.workload, deps, signal)
    const state = await asOf(stream, { at: query.at }, deps, signal)
    const held = await itemOf(state, key, signal)
    await recordSight('item-shown', { caller, state, item: key }, deps, signal)
    const packs = packsOf(held.representations)
    const locks = await deps.catalogue.packs.lockedUntil(state.owner, packs, signal)
    const lockedUntil = packs.map((pack) => locks.get(pack) ?? '').sort()[0]
    return { status: 200, json: { ...whole(held), lockedUntil: lockedUntil || undefined } }
  },
})

/** Throws `ItemUnknown`. */
export async function itemOf(
  state: StreamAt,
  key: KeyHash,
  signal: AbortSignal,
): Promise<HeldItem> {
  const held = await state.tables.item(key, state.seq, signal)
  if (held !== undefined) return held
  throw refusal(
    'ItemUnknown',
    'No item with this id is held as of this time.',
    'Take the id from the list of its container at the same time ("at").',
  )
}

/** Written before anything is shown: what cannot be recorded is not shown. */
export function recordSight(
  action: AuditAction,
  seen: { caller: Caller; state: StreamAt; item?: KeyHash; container?: KeyHash },
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<void> {
  const { caller, state, item, container } = seen
  return deps.audit.record(
    {
      action,
      by: caller.id,
      resource: state.resource.key,
      workload: state.workload,
      seq: state.seq,
      ...(item === undefined ? {} : { item }),
      ...(container === undefined ? {} : { container }),
    },
    signal,
  )
}

async function containerOf(state: StreamAt, key: KeyHash, signal: AbortSignal): Promise<HeldItem> {
  const held = await state.tables.item(key, state.seq, signal)
  if (held?.kind === 'container') return held
  throw refusal(
    'ContainerUnknown',
    'No container with this id is held as of this time.',
    'GET /api/v1/resources/{id}/containers lists them.',
  )
}

function listed({ key, kind, display }: Listed) {
  return { id: key, kind, ...described(display) }
}

function whole(held: HeldItem) {
  return {
    id: held.key,
    kind: held.kind,
    ...described(held.display),
    container: keyHash(held.place.container),
    seq: held.seq,
    deleted: held.deleted,
    representations: held.representations.map(({ name, bytes, sha256 }) => ({
      name,
      bytes,
      sha256,
    })),
  }
}

function described(display: HeldItem['display']) {
  const { name, by, date, size, isRead, hasAttachments, unread } = display
  return { name, by, date, size, isRead, hasAttachments, unread }
}
