/**
 * A mailbox for tests of capture: containers and items with Outlook's delta rules, in memory.
 *
 * `@removed` for what left a container, replays, one log for each container, links that are
 * positions in the log. Every call moves the clock, so that deadlines fall anywhere.
 */
import { AppError } from '../../model/errors.ts'
import { CONTAINERS, type Marker } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type {
  Change,
  ChangePage,
  ContentOutcome,
  Present,
  StreamReader,
  Workload,
} from '../../workloads/workload.ts'

export interface ScriptedItem {
  container: GraphId
  content: string
  flags: string
  changeKey: number
  /** What the service says of its size before it is fetched. */
  expectedBytes?: number
}

export interface ScriptedClock {
  now(): number
  advance(ms: number): void
}

/** Entries in one page of changes. */
const PAGE = 3

export class ScriptedMailbox {
  readonly items = new Map<GraphId, ScriptedItem>()
  readonly containers = new Map<GraphId, string>()
  /** Containers that are shown and not read. */
  readonly excluded = new Set<GraphId>()
  /** Items whose content answers with an error of the item. */
  readonly corrupt = new Set<GraphId>()
  /** Containers whose changes cannot be read, and items that cannot be asked for. */
  readonly unreadable = new Map<GraphId, AppError>()
  /** Items whose content stops before its end. */
  readonly broken = new Set<GraphId>()
  /** The service calls errors of items final. */
  isFinal = false
  /** Awaited before content is answered. */
  beforeContent: () => Promise<void> = async () => undefined
  /** The same, told for which item. */
  beforeContentOf: (item: GraphId) => Promise<void> = async () => undefined
  /** Thrown by the next call of the reader. */
  nextError: Error | undefined
  contentRequests = 0
  changeRequests = 0
  /** Happens in the mailbox while it is read: one before each call of the reader. */
  readonly meanwhile: (() => void)[] = []
  #requests = 0
  #changeKey = 0
  readonly #logs = new Map<GraphId, GraphId[]>()

  createContainer(id: GraphId, name: string): void {
    this.containers.set(id, name)
    this.#log(CONTAINERS, id)
  }

  renameContainer(id: GraphId, name: string): void {
    this.createContainer(id, name)
  }

  deleteContainer(id: GraphId): void {
    this.containers.delete(id)
    this.#log(CONTAINERS, id)
    for (const [item, { container }] of this.items) {
      if (container === id) this.items.delete(item)
    }
  }

  put(id: GraphId, change: Partial<ScriptedItem> & { container: GraphId }): void {
    const before = this.items.get(id)
    this.#changeKey += 1
    const item = { content: '', flags: '', ...before, ...change, changeKey: this.#changeKey }
    this.items.set(id, item)
    if (before && before.container !== item.container) this.#log(before.container, id)
    this.#log(item.container, id)
  }

  remove(id: GraphId): void {
    const before = this.items.get(id)
    if (!before) return
    this.items.delete(id)
    this.#log(before.container, id)
  }

  #log(container: GraphId, id: GraphId): void {
    const log = this.#logs.get(container) ?? []
    log.push(id)
    this.#logs.set(container, log)
  }

  workload(clock: ScriptedClock): Workload {
    return { name: 'mail', compare: compareScripted, reader: () => this.#reader(clock) }
  }

  #reader(clock: ScriptedClock): StreamReader {
    const step = () => {
      clock.advance(1)
      this.meanwhile.shift()?.()
      this.#requests += 1
      const error = this.nextError
      this.nextError = undefined
      if (error) throw error
    }
    return {
      concurrency: 2,
      requests: () => this.#requests,
      changes: async (container, link) => {
        step()
        this.changeRequests += 1
        if (container !== CONTAINERS && !this.containers.has(container)) throw gone()
        const trouble = this.unreadable.get(container)
        if (trouble) throw trouble
        return this.#page(container, Number(link ?? 0))
      },
      content: async (item) => {
        step()
        this.contentRequests += 1
        await this.beforeContent()
        await this.beforeContentOf(item.id)
        return this.#content(item)
      },
      item: async (id) => {
        step()
        const trouble = this.unreadable.get(id)
        if (trouble) throw trouble
        const item = this.items.get(id)
        return item && presentItem(id, item)
      },
    }
  }

  #page(container: GraphId, from: number): ChangePage {
    const log = this.#logs.get(container) ?? []
    const ids = log.slice(from, from + PAGE)
    const changes = ids.map((id) => this.#change(container, id))
    const end = from + ids.length
    return end < log.length ? { changes, next: String(end) } : { changes, delta: String(end) }
  }

  #change(container: GraphId, id: GraphId): Change {
    if (container === CONTAINERS) {
      const name = this.containers.get(id)
      return name === undefined
        ? { op: 'removed', kind: 'container', id, container }
        : presentContainer(id, name, this.excluded.has(id))
    }
    const item = this.items.get(id)
    return item?.container === container
      ? presentItem(id, item)
      : { op: 'removed', kind: 'item', id, container }
  }

  #content(item: Present): ContentOutcome {
    const now = this.items.get(item.id)
    if (!now) return { outcome: 'gone' }
    if (this.corrupt.has(item.id)) {
      return {
        outcome: 'ledger',
        reason: 'corrupt',
        code: 'ErrorCorruptData',
        retry: !this.isFinal,
      }
    }
    const bytes = pieces(now.content, this.broken.has(item.id))
    return { outcome: 'content', parts: [{ name: 'mime', bytes }] }
  }
}

async function* pieces(text: string, isBroken: boolean): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text)
  if (isBroken) {
    throw new AppError({ code: 'ContentBroken', kind: 'transient', message: 'it stopped' })
  }
}

/** The errors of graph/errors.ts that may be one item's or container's own. */
export const TROUBLES = {
  corrupt: new AppError({
    ...{ code: 'ItemCorrupt', kind: 'corrupt', message: 'damaged in the service' },
    context: { scope: 'item', status: 500 },
  }),
  denied: new AppError({
    ...{ code: 'AccessDenied', kind: 'denied', message: 'may not be read' },
    context: { scope: 'item', status: 403 },
  }),
  unavailable: new AppError({
    ...{ code: 'GraphUnavailable', kind: 'transient', message: 'answered with 500' },
    context: { scope: 'call', status: 500 },
  }),
} as const

function gone(): AppError {
  return new AppError({ code: 'ItemGone', kind: 'permanent', message: 'no such folder' })
}

function presentItem(id: GraphId, item: ScriptedItem): Present {
  return {
    op: 'present',
    kind: 'item',
    id,
    place: { container: item.container, sortKey: '0' },
    marker: {
      content: item.content,
      decoration: `${item.flags}@${item.container}`,
      change: String(item.changeKey),
    },
    display: { name: `subject of ${id}` },
    json: { id, flags: item.flags },
    ...(item.expectedBytes !== undefined && { expectedBytes: item.expectedBytes }),
  }
}

function presentContainer(id: GraphId, name: string, isExcluded: boolean): Present {
  return {
    op: 'present',
    kind: 'container',
    id,
    place: { container: CONTAINERS, sortKey: '0' },
    marker: { content: name, decoration: '', change: name },
    display: { name },
    json: { id, displayName: name },
    ...(isExcluded ? { excluded: 'sync-issues' } : { hasCursor: true }),
  }
}

function compareScripted(before: Marker, now: Marker) {
  if (before.content !== now.content) return 'content'
  if (before.decoration !== now.decoration) return 'decoration'
  return before.change === now.change ? 'same' : 'content'
}
