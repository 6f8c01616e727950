/**
 * Resources: what there is, and how well each is covered. Names of people, nothing of theirs.
 */
import type { Owner, Resource } from '../../catalogue/types.ts'
import { eachBounded } from './bounded.ts'
import { cursorText, positionOf } from './cursor.ts'
import type { HttpDeps } from './deps.ts'
import { noQuery, pageQuery } from './input.ts'
import { getRoute } from './route.ts'
import { resourceOf } from './stream-at.ts'

/** Each line costs one more look-up, for its owner. */
const LIST_MAX = 200
const LIST = ['resources']

export const listResources = getRoute({
  name: 'apiListResources',
  path: 'v1/resources',
  right: 'status',
  query: pageQuery,
  async handle({ query, signal }, deps) {
    const from = positionOf(LIST, query.cursor)
    const page = await deps.catalogue.resources.list(
      { max: Math.min(query.max, LIST_MAX), ...(from && { continuation: from.next }) },
      signal,
    )
    const items = await eachBounded(page.items, (resource) => shown(resource, deps, signal))
    const next = page.continuation && cursorText(LIST, { next: page.continuation })
    return { status: 200, json: { items, next } }
  },
})

export const getResource = getRoute({
  name: 'apiGetResource',
  path: 'v1/resources/{id}',
  right: 'status',
  query: noQuery,
  async handle({ params, signal }, deps) {
    const resource = await resourceOf(params.id, deps, signal)
    return { status: 200, json: await shown(resource, deps, signal) }
  },
})

async function shown(resource: Resource, deps: HttpDeps, signal: AbortSignal) {
  const owner = resource.owner && (await deps.catalogue.owners.get(resource.owner, signal))
  const { key, kind, name, address, state, reason, workloads, protectedSince, seenAt } = resource
  const { belongsTo, group, oneDrive } = resource
  return {
    id: key,
    kind,
    name,
    address,
    state,
    reason: reason || undefined,
    ...(kind === 'user' ? { mailbox: resource.purpose } : { site: resource.purpose }),
    belongsTo,
    group: group && { ...group, address: group.address || undefined },
    oneDrive,
    enabled: resource.enabled,
    workloads,
    protectedSince,
    seenAt,
    coverage: owner && coverageOf(owner, state === 'protected'),
  }
}

/** What is not protected is read by no run, whatever its row was due for before. */
function coverageOf(owner: Owner, isProtected: boolean) {
  const { dueAt, hintAt } = owner
  return {
    state: owner.coverage,
    ...(isProtected ? { dueAt, hintAt } : {}),
    completeAt: owner.completeAt,
    readAt: owner.readAt,
    trouble: owner.trouble || undefined,
    attempts: owner.attempts,
    ledgerOpen: owner.ledgerOpen,
    ...verifiedOf(owner),
  }
}

/** "Verified" is said of what was opened alone (P10). */
function verifiedOf({ verified }: Owner) {
  if (verified === undefined) return {}
  const { at, errors, opened, sampled, hashes } = verified
  const until = { verifiedUntil: opened, sampledUntil: sampled, hashedUntil: hashes }
  return { ...until, verification: { endedAt: at, errors } }
}
