/**
 * Drives for tests of capture: folders and files with SharePoint's delta rules, in memory.
 *
 * One cursor for each drive, which tells of everything in it: the latest state of a thing whenever
 * it is shown, a folder that was renamed or moved without what stands below it, and what is gone
 * without its place or kind. Whether the children of a folder that is gone are named, and whether
 * a read from the beginning shows parents first, is the test's choice. Every call moves the clock.
 */
import { AppError } from '../../model/errors.ts'
import { CONTAINERS, type Marker } from '../../model/events.ts'
import { type GraphId, keyHash } from '../../model/ids.ts'
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
import type { ScriptedClock } from './scripted-mailbox.ts'

/** A file or folder. Ids are `<drive>/<name of the id>`. */
export interface ScriptedNode {
  /** The drive's id, or that of a folder in it. */
  parent: GraphId
  name: string
  /** Undefined for a folder. */
  content: string | undefined
  /** Who may see it; absent: it inherits. */
  sharing?: string | undefined
  /** Who really may see it, where nothing tells that it is not `sharing` any more. */
  silent?: string
  /** Its real content, where somebody took care that the hash is still that of `content`. */
  forged?: string
  /** Ms since 1970; absent: lately. */
  changedAt?: number
  version: number
  /** Contents before the present one, the newest first. */
  past?: string[]
}

export class ScriptedDrive {
  readonly drives = new Map<GraphId, string>()
  readonly nodes = new Map<GraphId, ScriptedNode>()
  /** The service names what stood in a folder that is gone, all of it or the folders alone. */
  namesChildren: boolean | 'folders' = false
  /** A read from the beginning shows what was made last first. */
  childrenFirst = false
  /** Why the changes of no drive can be read. */
  unreadable: AppError | undefined
  /** What the pages call gone although it is there. */
  readonly falselyGone = new Set<GraphId>()
  /** Changes in one page. */
  pageSize = 3
  /** Files whose content answers with an error of the item. */
  readonly corrupt = new Set<GraphId>()
  /** Content of so many characters is read piece by piece. */
  longFrom = Number.POSITIVE_INFINITY
  /** A file that changes while it is read in pieces goes on with the pieces of the new content. */
  isBlind = false
  /** Thrown before the next pieces of long content, one at each. */
  readonly nextPieces: (AppError | undefined)[] = []
  /** Awaited before each of them. */
  beforePiece: () => Promise<void> = async () => undefined
  /** Bytes of long content that were asked for. */
  longBytes = 0
  /** Things that no read from the beginning shows. */
  readonly hidden = new Set<GraphId>()
  /** Happens while the drive is read: one before each call of the reader. */
  readonly meanwhile: (() => void)[] = []
  contentRequests = 0
  /** Pages of what changed lately that were asked for. */
  newestRequests = 0
  /** Thrown instead of such a page. */
  newestRefused: AppError | undefined
  permissionRequests = 0
  /** Versions that the reader offers beside the present one. */
  earlierVersions = 0
  versionRequests = 0
  /** Things whose permissions answer with an error of the item. */
  readonly veiled = new Set<GraphId>()
  /** Things that were asked for one by one, in order. */
  readonly asked: GraphId[] = []
  #requests = 0
  #version = 0
  /** What died with a folder, for its way back. */
  readonly #dead = new Map<GraphId, Map<GraphId, ScriptedNode>>()
  readonly #logs = new Map<GraphId, GraphId[]>()
  readonly #links = new ScriptedLinks()

  createDrive(id: GraphId): void {
    this.drives.set(id, id)
    this.#log(CONTAINERS, id)
  }

  deleteDrive(id: GraphId): void {
    this.drives.delete(id)
    for (const node of [...this.nodes.keys()]) if (driveOf(node) === id) this.nodes.delete(node)
    this.#log(CONTAINERS, id)
  }

  /** Makes or changes a file or folder; one without `content` is a folder. */
  put(id: GraphId, change: Partial<ScriptedNode>): void {
    const made = { parent: driveOf(id), name: id, content: undefined, version: 0 }
    const before: ScriptedNode = this.nodes.get(id) ?? made
    this.#version += 1
    const past = isEdited(before, change) ? [before.content, ...(before.past ?? [])] : before.past
    this.nodes.set(id, { ...before, ...change, version: this.#version, ...(past && { past }) })
    this.#log(driveOf(id), id)
  }

  /** Other people may see it, and no page tells of it. */
  shareSilently(id: GraphId, silent: string): void {
    const node = this.nodes.get(id)
    if (node) this.nodes.set(id, { ...node, silent })
  }

  /** With everything below it. */
  remove(id: GraphId): void {
    const dead = new Map<GraphId, ScriptedNode>()
    for (const [below, node] of this.nodes) if (this.isBelow(below, id)) dead.set(below, node)
    for (const [below, { content }] of dead) {
      this.nodes.delete(below)
      const isNamed = this.namesChildren === true || (this.namesChildren && content === undefined)
      if (isNamed && below !== id) this.#log(driveOf(id), below)
    }
    if (dead.size > 0) this.#log(driveOf(id), id)
    this.#dead.set(id, dead)
  }

  /** From the recycle bin: the service tells of the thing itself only. */
  bringBack(id: GraphId): void {
    for (const [below, node] of this.#dead.get(id) ?? []) {
      if (this.nodes.has(node.parent) || this.drives.has(node.parent)) this.nodes.set(below, node)
    }
    this.#dead.delete(id)
    if (this.nodes.has(id)) this.#log(driveOf(id), id)
  }

  /** Itself included. */
  isBelow(id: GraphId, above: GraphId): boolean {
    for (let at: GraphId | undefined = id; at; at = this.nodes.get(at)?.parent) {
      if (at === above) return true
    }
    return false
  }

  /** Refuses links that were given out so far. */
  expire(refusal: Refusal): void {
    this.#links.expire(refusal)
  }

  workload(clock: ScriptedClock): Workload {
    return {
      // The name of a stream means nothing to capture.
      name: 'mail',
      isForgeable: true,
      compare: compareScripted,
      cursorOf: driveOf,
      reader: () => this.#reader(clock),
    }
  }

  #reader(clock: ScriptedClock): StreamReader {
    const step = () => {
      clock.advance(1)
      this.meanwhile.shift()?.()
      this.#requests += 1
    }
    return {
      concurrency: 2,
      requests: () => this.#requests,
      changes: async (container, link) => {
        step()
        if (container !== CONTAINERS && this.unreadable) throw this.unreadable
        if (container !== CONTAINERS && !this.drives.has(container)) throw gone()
        return this.#page(container, this.#links.read(container, link))
      },
      newest: async (container, { since, link }) => {
        step()
        this.newestRequests += 1
        if (this.newestRefused) throw this.newestRefused
        return this.#newest(container, since, Number(link ?? 0))
      },
      changedSince: async (links) => {
        step()
        return [...links].some(([container, link]) => {
          const place = this.#links.read(container, link)
          return this.#page(container, place).changes.length > 0
        })
      },
      content: async (item) => {
        step()
        this.contentRequests += 1
        return this.#content(item)
      },
      earlier: async (item, held) => {
        if (this.earlierVersions === 0 || item.id.includes('@')) return []
        step()
        this.versionRequests += 1
        if (this.veiled.has(item.id)) return 'unread'
        return this.#earlier(item).filter(
          ({ marker }) => `file ${marker.content}` !== held?.content,
        )
      },
      permissions: async (item) => {
        step()
        this.permissionRequests += 1
        return this.#permissions(item)
      },
      item: async (id) => {
        step()
        this.asked.push(id)
        return this.#present(id)
      },
      ...(this.longFrom < Number.POSITIVE_INFINITY && { long: this.#long(step) }),
    }
  }

  #long(step: () => void): LongReader {
    const pieceOf: PieceOf = (item, offset, bytes) => {
      step()
      const trouble = this.nextPieces.shift()
      if (trouble) throw trouble
      const content = this.nodes.get(item.id)?.content
      if (content === undefined) throw gone()
      const isChanged = item.marker.content !== markerOf(content)
      if (isChanged && !this.isBlind) throw changed()
      const piece = content.slice(offset, offset + bytes)
      this.longBytes += piece.length
      return { piece, whole: isChanged ? undefined : content }
    }
    const beforePiece = () => this.beforePiece()
    return scriptedLong({ fromBytes: this.longFrom, name: 'content', beforePiece, pieceOf })
  }

  #logOf(container: GraphId): GraphId[] {
    const log = this.#logs.get(container) ?? []
    this.#logs.set(container, log)
    return log
  }

  #log(container: GraphId, id: GraphId): void {
    this.#logOf(container).push(id)
  }

  #page(container: GraphId, place: LinkPlace | undefined): ChangePage {
    const log = this.#logOf(container)
    const { from, began } = place ?? { from: 0, began: log.length }
    // What was there when a read from the beginning began, and what has happened since.
    const old = log.slice(0, began)
    const order = [...(this.childrenFirst ? old.reverse() : old), ...log.slice(began)]
    const shown = order.slice(from, from + this.pageSize)
    const end = from + shown.length
    const changes = shown.flatMap((id, n): Change[] => {
      const isOld = from + n < began
      const present = this.falselyGone.has(id) ? undefined : this.#present(id)
      if (present) return isOld && this.hidden.has(id) ? [] : [present]
      if (isOld) return []
      return container === CONTAINERS
        ? [{ op: 'removed', kind: 'container', id, container }]
        : [{ op: 'removed', id }]
    })
    return end < log.length
      ? { changes, next: this.#links.write('position', { from: end, began }) }
      : { changes, delta: this.#links.write('start', { from: end, began: 0 }) }
  }

  /** In the order of their ids; what it does not show may be there or not. */
  #newest(drive: GraphId, since: number, from: number): ChangePage {
    const ids = [...this.nodes]
      .filter(
        ([id, { changedAt = Number.POSITIVE_INFINITY }]) =>
          driveOf(id) === drive && changedAt >= since,
      )
      .map(([id]) => id)
      .sort()
    const end = from + this.pageSize
    const changes = ids.slice(from, end).flatMap((id) => this.#present(id) ?? [])
    return end < ids.length ? { changes, next: `${end}` } : { changes, delta: '' }
  }

  #present(id: GraphId): Present | undefined {
    const drive = this.drives.get(id)
    if (drive !== undefined) return presentDrive(id, drive)
    const node = this.nodes.get(id)
    return node && presentNode(id, node)
  }

  #earlier({ id }: Present): Present[] {
    const past = this.nodes.get(id)?.past ?? []
    return past.slice(0, this.earlierVersions).map((content, n): Present => {
      const version = `${id}@${past.length - n}` as GraphId
      return {
        ...{ op: 'present', kind: 'item', id: version, json: { content } },
        place: { container: `${id}@` as GraphId, sortKey: keyHash(version) },
        marker: { content, decoration: '', change: '' },
        display: { name: `version ${past.length - n}` },
      }
    })
  }

  #permissions({ id }: Present): ContentOutcome {
    const sharing = this.nodes.get(id)?.sharing
    if (sharing === undefined) return { outcome: 'gone' }
    if (this.veiled.has(id)) {
      return { outcome: 'ledger', reason: 'refused', code: 'AccessDenied', retry: true }
    }
    const bytes = bytesOf(this.nodes.get(id)?.silent ?? sharing)
    return { outcome: 'content', parts: [{ name: 'permissions', bytes }] }
  }

  #contentOf(id: GraphId): string | undefined {
    const [file = '', version] = id.split('@')
    const node = this.nodes.get(file as GraphId)
    if (version === undefined) return node?.forged ?? node?.content
    const past = node?.past ?? []
    return past[past.length - Number(version)]
  }

  #content({ id }: Present): ContentOutcome {
    const content = this.#contentOf(id)
    if (content === undefined) return { outcome: 'gone' }
    if (this.corrupt.has(id)) {
      return { outcome: 'ledger', reason: 'corrupt', code: 'FileCorrupt', retry: true }
    }
    const note = () => (content.startsWith('odd') ? { isOdd: true } : undefined)
    return { outcome: 'content', parts: [{ name: 'content', bytes: bytesOf(content) }], note }
  }
}

/** Everything in a drive is told by the drive, but for earlier versions, of which nothing tells. */
export function driveOf(id: GraphId): GraphId {
  return id.endsWith('@') ? id : ((id.split('/')[0] ?? id) as GraphId)
}

function isEdited(
  before: ScriptedNode,
  change: Partial<ScriptedNode>,
): before is ScriptedNode & { content: string } {
  const { content } = before
  return content !== undefined && change.content !== undefined && change.content !== content
}

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield new TextEncoder().encode(text)
}

const markerOf = (content: string): string => `file ${content}`

function changed(): AppError {
  return new AppError({ code: 'ContentChanged', kind: 'transient', message: 'another file now' })
}

function gone(): AppError {
  return new AppError({ code: 'ItemGone', kind: 'permanent', message: 'no such drive' })
}

function presentDrive(id: GraphId, name: string): Present {
  return {
    op: 'present',
    kind: 'container',
    id,
    place: { container: CONTAINERS, sortKey: keyHash(id) },
    marker: { content: name, decoration: '', change: name },
    display: { name },
    json: { id, name },
    hasCursor: true,
  }
}

function presentNode(id: GraphId, node: ScriptedNode): Present {
  const { parent, name, content, sharing, version } = node
  const isFolder = content === undefined
  return {
    op: 'present',
    kind: isFolder ? 'container' : 'item',
    id,
    place: { container: isFolder ? CONTAINERS : parent, sortKey: keyHash(id) },
    marker: {
      content: isFolder ? 'folder' : markerOf(content),
      decoration: `${name} in ${parent}, ${sharing ?? 'inherited'}`,
      change: String(version),
      ...(sharing !== undefined && { sharing }),
    },
    display: { name, ...(isFolder && { parent }) },
    json: { id, name, parent },
    ...(content !== undefined && { expectedBytes: content.length }),
  }
}

/** Hash and size decide: a new change key alone is no new content. */
function compareScripted(before: Marker, now: Marker) {
  if (before.content !== now.content) return 'content'
  return before.decoration === now.decoration ? 'same' : 'decoration'
}
