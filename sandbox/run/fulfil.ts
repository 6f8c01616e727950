/** Carries out what people of the story ask back: finds it in Holdfast's lists and restores it. */
import type { MailboxSnapshot } from '../tenant/index.ts'
import type { MailboxCase, Refusal } from '../verdict/index.ts'
import { type ApiClient, type Resource, type RestoreRequest, workloadOf } from './api-client.ts'
import { containersByPath, itemsOf } from './directory.ts'
import { type RestoreResult, restore } from './restore.ts'
import type { Wish } from './story.ts'
import { Trouble } from './trouble.ts'

/** A recovery point of one mailbox or site. */
export interface KnownPoint {
  resource: Resource
  at: string
  seq: number
}

export type Snapshots = ReadonlyMap<string, MailboxSnapshot>

/** The newest complete recovery point of everything that is protected, by address. */
export async function newestPoints(api: ApiClient): Promise<Map<string, KnownPoint>> {
  const points = new Map<string, KnownPoint>()
  for (const resource of await api.resources()) {
    if (resource.state !== 'protected') continue
    const point = await api.newestPoint(resource.id, workloadOf(resource))
    if (point === undefined) {
      throw new Trouble(`${resource.address} has no complete recovery point.`, {
        hint: 'The run said that it was done; this is a defect.',
      })
    }
    points.set(resource.address, { resource, at: point.time, seq: point.seq })
  }
  return points
}

export interface FulfilContext {
  api: ApiClient
  signal: AbortSignal
  points: ReadonlyMap<string, KnownPoint>
  before: Snapshots
}

/** One restore to the original place. `at`: a time, in place of the known point. */
export async function fulfil(
  wish: Wish,
  { api, signal, points, before }: FulfilContext,
  at?: string,
): Promise<RestoreResult> {
  const point = points.get(wish.user)
  const snapshot = before.get(wish.user)
  if (!point || !snapshot) throw new Error(`nothing is known of ${wish.user}`)
  const request: RestoreRequest = {
    ...{ resource: point.resource.id, at: at ?? { seq: point.seq } },
    ...{ destination: { kind: 'original' }, conflict: wish.asked.conflict },
    selection: await selectionOf(wish, { api, point, snapshot }),
  }
  return await restore(api, request, signal)
}

async function selectionOf(
  { asked }: Wish,
  of: { api: ApiClient; point: KnownPoint; snapshot: MailboxSnapshot },
): Promise<RestoreRequest['selection']> {
  const { scope } = asked
  const { api, snapshot } = of
  const { resource, at } = of.point
  if (scope === 'all') return { all: true }
  if ('messages' in scope) {
    const ids = new Set(scope.messages)
    const messages = snapshot.messages.filter(({ immutableId }) => ids.has(immutableId))
    return { items: await itemsOf(api, resource.id, at, messages) }
  }
  const containers = await containersByPath(api, { resource: resource.id, at })
  const paths = snapshot.folders.filter(({ id }) => scope.folders.includes(id))
  return { containers: paths.flatMap(({ path }) => containers.get(path)?.id ?? []) }
}

/** What the restores said that they would not write. */
export function refusalsOf(results: readonly RestoreResult[]): Refusal[] {
  return results
    .flatMap(({ lines }) => lines)
    .filter(({ outcome }) => outcome === 'refused')
    .map(({ name, container = '', code = '' }) => ({ name, folderName: container, code }))
}

/** What the verdict is asked about each mailbox. */
export function casesOf(given: {
  before: Snapshots
  damaged: Snapshots
  after: Snapshots
  restores: ReadonlyMap<Wish, RestoreResult>
  notStored: ReadonlySet<string>
}): MailboxCase[] {
  return [...given.before].flatMap(([user, before]) => {
    const [damaged, after] = [given.damaged.get(user), given.after.get(user)]
    if (!damaged || !after) return []
    const own = [...given.restores].filter(([wish]) => wish.user === user)
    const refused = refusalsOf(own.map(([, result]) => result))
    const restores = own.map(([{ asked }]) => asked)
    return [{ before, damaged, after, restores, refused, notStored: given.notStored }]
  })
}
