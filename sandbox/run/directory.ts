/**
 * Finds in Holdfast's lists what a person sees in a mailbox: a folder by its path, a message by
 * its place, subject and date. Nothing of Holdfast's own ids is computed here.
 */
import type { MessageSnapshot } from '../tenant/index.ts'
import type { ApiClient, Container, Item, Workload } from './api-client.ts'
import { Trouble } from './trouble.ts'

/** Deeper trees cannot be. */
const DEPTH_MAX = 300

/** Containers of a resource as of a time, by display path (`Inbox/Projects`). */
export async function containersByPath(
  api: ApiClient,
  { resource, at, workload }: { resource: string; at: string; workload?: Workload },
): Promise<ReadonlyMap<string, Container>> {
  const containers = await api.containers(resource, at, workload)
  const byId = new Map(containers.map((container) => [container.id, container]))
  const pathOf = (container: Container, depth = 0): string => {
    const parent = container.parent === undefined ? undefined : byId.get(container.parent)
    if (parent === undefined || depth > DEPTH_MAX) return container.name
    return `${pathOf(parent, depth + 1)}/${container.name}`
  }
  return new Map(containers.map((container) => [pathOf(container), container]))
}

/** Holdfast's ids of these messages. Throws where one cannot be told from another. */
export async function itemsOf(
  api: ApiClient,
  resource: string,
  at: string,
  messages: readonly MessageSnapshot[],
): Promise<string[]> {
  const containers = await containersByPath(api, { resource, at })
  const lists = new Map<string, Item[]>()
  const ids: string[] = []
  for (const message of messages) {
    const container = containers.get(message.folderPath)
    if (container === undefined) throw notFound(message)
    const list = lists.get(container.id) ?? (await api.items(resource, container.id, at))
    lists.set(container.id, list)
    const found = list.filter((item) => labelOf(item) === labelOfMessage(message))
    const [only, second] = found
    if (only === undefined || second !== undefined) throw notFound(message)
    ids.push(only.id)
  }
  return ids
}

/** Tells messages of one folder apart, for a person and for Holdfast's lists alike. */
export function labelOfMessage({ subject, receivedMs }: MessageSnapshot): string {
  return `${receivedMs} ${subject}`
}

function labelOf({ name, date }: Item): string {
  return `${Date.parse(date ?? '')} ${name}`
}

function notFound(message: MessageSnapshot): Trouble {
  return new Trouble(
    `Holdfast's list of ${message.folderPath} does not show the message "${message.subject}" once.`,
    { hint: 'The backup before it is not complete, or this is a defect.' },
  )
}
