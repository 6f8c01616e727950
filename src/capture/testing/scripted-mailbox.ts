/**
 * A mailbox for tests of capture: containers and items with Outlook's delta rules, in memory.
 *
 * `@removed` for what left a container, replays, one log for each container, links that are
 * positions in the log (scripted-links.ts). A read from the beginning shows what is there and says
 * nothing of what has gone before it began. Every call moves the clock, so that deadlines fall
 * anywhere.
 */
import { AppError } from '../../model/errors.ts'
import { CONTAINERS, type Marker } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type {
  Change,
  ChangePage,
  ContentOutcome,
  LongReader,
  Present,
  StreamReader,
  Workload,
} from '../../workloads/workload.ts'
import { type LinkPlace, type Refusal, ScriptedLinks } from './scripted-links.ts'
import { type PieceOf, scriptedLong } from './scripted-long.ts'

export interface ScriptedItem {
  container: GraphId
  content: string
  flags: string
  changeKey: number
  /** What the service says of its size before it is fetched. */
  expectedBytes?: number
}

/** What a log remembers: what stood there then; undefined where it had gone. */
interface Entry {
  id: GraphId
  item: ScriptedItem | undefined
  name: string | undefined
}

export interface ScriptedCall {
  op: 'changes' | 'content' | 'item'
  container?: GraphId
  link?: string | null
}

export interface ScriptedClock {
  now(): number
  advance(ms: number): void
}

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
  /** The list of containers tells a container whose items change, as Outlook's counters do. */
  tellsCounts = false
  /** Content of so many expected bytes is read piece by piece. */
  longFrom = Number.POSITIVE_INFINITY
  /** Entries in one page of changes. */
  pageSize = 3
  /** The service calls errors of items final. */
  isFinal = false
  /** Awaited before content is answered. */
  beforeContent: () => Promise<void> = async () => undefined
  /** The same, told for which item. */
  beforeContentOf: (item: GraphId) => Promise<void> = async () => undefined
  /** Thrown by the next call of the reader. */
  nextError: Error | undefined
  /** Sees every call of the reader before it is answered; may throw what the service says. */
  onCall: (call: ScriptedCall) => void = () => undefined
  contentRequests = 0
  changeRequests = 0
  /** Items that were asked for one by one, in order. */
  readonly asked: GraphId[] = []
  /** Containers whose changes answer 404 although they are there. */
  readonly denied = new Set<GraphId>()
  /** Items and containers that no read from the beginning shows. */
  readonly hidden = new Set<GraphId>()
  /** Containers whose pages never end. */
  readonly endless = new Set<GraphId>()
  /** Happens in the mailbox while it is read: one before each call of the reader. */
  readonly meanwhile: (() => void)[] = []
  #requests = 0
  #changeKey = 0
  readonly #logs = new Map<GraphId, Entry[]>()
  readonly #links = new ScriptedLinks()
  readonly #lags = new Map<GraphId, number>()

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
      if (container === id) this.remove(item)
    }
  }

  put(id: GraphId, change: Partial<ScriptedItem> & { container: GraphId }): void {
    const before = this.items.get(id)
    this.#changeKey += 1
    const item = { content: '', flags: '', ...before, ...change, changeKey: this.#changeKey }
    this.items.set(id, item)
    if (before && before.container !== item.container) this.#log(before.container, id)
    this.#log(item.container, id)
    this.#count(before?.container, item.container)
  }

  #count(...containers: (GraphId | undefined)[]): void {
    if (!this.tellsCounts) return
    for (const id of new Set(containers)) if (id !== undefined) this.#log(CONTAINERS, id)
  }

  remove(id: GraphId): void {
    const before = this.items.get(id)
    if (!before) return
    this.items.delete(id)
    this.#log(before.container, id)
    this.#count(before.container)
  }

  /** Refuses links that were given out so far. */
  expire(refusal: Refusal): void {
    this.#links.expire(refusal)
  }

  /** From now on the container's changes are not told, until it catches up. */
  fallBehind(container: GraphId): void {
    if (!this.#lags.has(container)) this.#lags.set(container, this.#logOf(container).length)
  }

  catchUp(): void {
    this.#lags.clear()
  }

  #logOf(container: GraphId): Entry[] {
    const log = this.#logs.get(container) ?? []
    this.#logs.set(container, log)
    return log
  }

  #log(container: GraphId, id: GraphId): void {
    const item = this.items.get(id)
    const isHere = item?.container === container
    const name = container === CONTAINERS ? this.containers.get(id) : undefined
    this.#logOf(container).push({ id, item: isHere ? item : undefined, name })
  }

  workload(clock: ScriptedClock): Workload {
    return { name: 'mail', compare: compareScripted, reader: () => this.#reader(clock) }
  }

  #reader(clock: ScriptedClock): StreamReader {
    const step = (call: ScriptedCall) => {
      clock.advance(1)
      this.meanwhile.shift()?.()
      this.#requests += 1
      const error = this.nextError
      this.nextError = undefined
      if (error) throw error
      this.onCall(call)
    }
    return {
      concurrency: 2,
      requests: () => this.#requests,
      changes: async (container, link) => {
        step({ op: 'changes', container, link })
        this.changeRequests += 1
        this.#refuse(container)
        return this.#page(container, this.#links.read(container, link))
      },
      changedSince: async (links) => {
        const link = links.get(CONTAINERS) ?? null
        step({ op: 'changes', container: CONTAINERS, link })
        const { changes } = this.#page(CONTAINERS, this.#links.read(CONTAINERS, link))
        return changes.length > 0
      },
      content: async (item) => {
        step({ op: 'content' })
        this.contentRequests += 1
        await this.beforeContent()
        await this.beforeContentOf(item.id)
        return this.#content(item)
      },
      item: async (id) => {
        step({ op: 'item' })
        this.asked.push(id)
        const trouble = this.unreadable.get(id)
        if (trouble) throw trouble
        const item = this.items.get(id)
        return item && presentItem(id, item)
      },
      ...(this.longFrom < Number.POSITIVE_INFINITY && { long: this.#long(step) }),
    }
  }

  #long(step: (call: ScriptedCall) => void): LongReader {
    const pieceOf: PieceOf = ({ id, marker }, offset, bytes) => {
      step({ op: 'content' })
      const { content } = this.items.get(id) ?? {}
      if (content === undefined) throw gone()
      if (content !== marker.content) throw changed()
      return { piece: content.slice(offset, offset + bytes), whole: content }
    }
    return scriptedLong({ fromBytes: this.longFrom, name: 'mime', pieceOf })
  }

  #refuse(container: GraphId): void {
    const isThere = container === CONTAINERS || this.containers.has(container)
    if (!isThere || this.denied.has(container)) throw gone()
    const trouble = this.unreadable.get(container)
    if (trouble) throw trouble
  }

  #page(container: GraphId, place: LinkPlace | undefined): ChangePage {
    const log = this.#logOf(container)
    const horizon = Math.min(log.length, this.#lags.get(container) ?? log.length)
    const { from, began } = place ?? { from: 0, began: horizon }
    const shown = log.slice(from, Math.min(from + this.pageSize, horizon))
    const end = from + shown.length
    const changes = shown.flatMap(({ id }, n) => {
      const change = this.#change(container, id, Math.max(horizon, end))
      // What had gone before a read from the beginning began is no news for that read.
      const isOld = from + n < began
      return isOld && (change.op === 'removed' || this.hidden.has(id)) ? [] : [change]
    })
    if (this.endless.has(container)) {
      return { changes: [], next: this.#links.write('position', { from, began }) }
    }
    return end < horizon
      ? { changes, next: this.#links.write('position', { from: end, began }) }
      : { changes, delta: this.#links.write('start', { from: end, began: 0 }) }
  }

  /** As the container shows it at this point of its log. */
  #change(container: GraphId, id: GraphId, horizon: number): Change {
    const last = this.#logOf(container)
      .slice(0, horizon)
      .findLast((entry) => entry.id === id)
    if (container === CONTAINERS) {
      return last?.name === undefined
        ? { op: 'removed', kind: 'container', id, container }
        : presentContainer(id, last.name, this.excluded.has(id))
    }
    return last?.item ? presentItem(id, last.item) : { op: 'removed', kind: 'item', id, container }
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

function changed(): AppError {
  return new AppError({ code: 'ContentChanged', kind: 'transient', message: 'other content now' })
}

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
      at: String(item.changeKey).padStart(10, '0'),
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
