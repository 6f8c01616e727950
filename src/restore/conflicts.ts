/**
 * Which items of a plan are already there, which meet another state of themselves, and which are
 * missing (docs/decisions/010-what-is-already-there.md).
 *
 * What is there is asked of the service: the catalogue may be older. The listing of the target
 * folder names each item's change key; where it is the one of the newest version that the backup
 * holds, the catalogue knows what is there, and nothing is read. Else the item is read: by its
 * marker, and where no marker can tell, byte by byte. "There" means in the folder to which the
 * item would be restored. When in doubt it is a conflict, and the request decides.
 */
import type { HeldItem } from '../catalogue/types.ts'
import { MemoryPool, mapBounded } from '../concurrency/index.ts'
import type { Marker } from '../model/events.ts'
import { type GraphId, type KeyHash, keyHash } from '../model/ids.ts'
import type { Comparison, PresentItem, StreamWriter } from '../workloads/workload.ts'
import type { ExistingItems } from './existing.ts'
import { ALIKE_MAX, OPEN_BYTES_MAX } from './limits.ts'
import type { StepContext } from './step-context.ts'
import { troubleOf } from './trouble.ts'
import { contentsOf, openBytes, openJson, openVersion } from './versions.ts'

export type Verdict =
  | { verdict: 'missing' }
  /** The item there has the content of the version. */
  | { verdict: 'there'; there: GraphId }
  /** An item of the same identity is there, with other content. */
  | { verdict: 'conflict'; there: GraphId }

/** What was found out of one item before any of its page took anything. */
interface Look {
  held: HeldItem
  /** The item itself is in the folder. */
  itself?: 'same' | 'other'
  /** Of an earlier version: the item itself, whose version it is. */
  whole?: GraphId
  identity?: string
  /** The first of the same identity, and whether it has the same content. */
  first?: { id: GraphId; same: boolean }
}

/** Another item of the same identity in the target folder. */
interface Alike {
  id: GraphId
  /** It stood there at that time, and the item had left by then: only its content may answer. */
  standsIn: boolean
}

/** True where the content is certainly that of `before`; flags, read state and place aside. */
export function keptContent(
  before: Marker,
  now: PresentItem,
  compare: (before: Marker, now: Marker) => Comparison,
): boolean {
  if (compare(before, now.marker) !== 'content') return true
  return now.shownWhole && before.content === now.marker.content
}

/** Judges the items of one target folder, page by page. */
export class Conflicts {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #existing: ExistingItems
  readonly #source: GraphId
  readonly #memory = new MemoryPool(OPEN_BYTES_MAX)

  /** `source`: the held folder whose items come. */
  constructor(of: {
    context: StepContext
    writer: StreamWriter
    existing: ExistingItems
    source: GraphId
  }) {
    this.#context = of.context
    this.#writer = of.writer
    this.#existing = of.existing
    this.#source = of.source
  }

  /** In the order of the items; undefined has no version to judge. Throws what a step waits for. */
  async judge(items: readonly (HeldItem | undefined)[]): Promise<Verdict[]> {
    if (this.#existing.empty) return items.map(() => ({ verdict: 'missing' }))
    const newest = await this.#newest(items)
    const looks = await mapBounded(items, this.#writer.concurrency, async (held) =>
      held ? await this.#look(held, newest.get(held.item)) : undefined,
    )
    const verdicts: Verdict[] = []
    // One after the other, in the order of the plan: whoever comes first takes an item.
    for (const look of looks) {
      const verdict: Verdict = look ? await this.#decide(look) : { verdict: 'missing' }
      if (look && verdict.verdict !== 'missing') {
        this.answered({ key: look.held.key, there: verdict.there })
      }
      verdicts.push(verdict)
    }
    return verdicts
  }

  /** An item of the plan is answered for: what does so answers for no other one any more. */
  answered({ key, there }: { key: KeyHash; there?: GraphId | undefined }): void {
    if (there === undefined || (this.#byId && keyHash(there) === key)) return
    this.#existing.take(there)
  }

  /** The same item is known by its id in the place where it was, and nowhere else. */
  get #byId(): boolean {
    return this.#context.request.destination.kind === 'original'
  }

  async #newest(items: readonly (HeldItem | undefined)[]): Promise<ReadonlyMap<GraphId, HeldItem>> {
    const { stream, signal } = this.#context
    const there = items.flatMap((held) =>
      held && this.#byId && this.#existing.changeOf(held.item) !== undefined ? [held.item] : [],
    )
    const head = await stream.head(signal)
    return head && there.length > 0 ? await stream.current(there, head.seq, signal) : new Map()
  }

  async #look(held: HeldItem, newest: HeldItem | undefined): Promise<Look> {
    const whole = this.#wholeOf(held)
    if (whole !== undefined) {
      const itself = (await this.#hasContent(whole, held)) ? 'same' : 'other'
      return { held, itself, whole }
    }
    const itself = this.#byId ? await this.#itself(held, newest) : undefined
    if (itself === 'same') return { held, itself }
    const look: Look = { held, ...(itself === undefined ? {} : { itself }) }
    const identity = await this.#identity(held)
    if (identity === undefined) return look
    const [first] = await this.#alike(held, identity)
    if (!first) return { ...look, identity }
    const { id } = first
    return { ...look, identity, first: { id, same: await this.#hasContent(id, held) } }
  }

  /** What an earlier version is one of, where that stands in the folder. */
  #wholeOf({ item }: HeldItem): GraphId | undefined {
    const { deps, request } = this.#context
    const whole = deps.workloads(request.workload).versionOf?.(item)
    const isThere = whole !== undefined && this.#existing.changeOf(whole) !== undefined
    return isThere && this.#byId ? whole : undefined
  }

  async #itself(
    held: HeldItem,
    newest: HeldItem | undefined,
  ): Promise<'same' | 'other' | undefined> {
    const change = this.#existing.changeOf(held.item)
    if (change === undefined) return undefined
    if (newest && change !== '' && newest.marker.change === change && sameContent(held, newest)) {
      return 'same'
    }
    const { deps, request, sendSignal } = this.#context
    const now = await this.#writer.present(held.item, sendSignal)
    if (!now) return undefined
    const { compare } = deps.workloads(request.workload)
    if (newest && sameContent(held, newest) && keptContent(newest.marker, now, compare)) {
      return 'same'
    }
    if (keptContent(held.marker, now, compare)) return 'same'
    if (held.marker.content !== now.marker.content) return 'other'
    return (await this.#hasContent(held.item, held)) ? 'same' : 'other'
  }

  /** A copy of the same content answers for the item, also beside the item itself. */
  async #decide({ held, itself, whole, identity, first }: Look): Promise<Verdict> {
    if (itself === 'same') return { verdict: 'there', there: whole ?? held.item }
    if (whole !== undefined) {
      // One version of a plan goes onto the item, or into its place; others come beside it.
      const isFree = !this.#existing.isTaken(whole)
      return isFree ? { verdict: 'conflict', there: whole } : { verdict: 'missing' }
    }
    const alike = identity === undefined ? [] : await this.#alike(held, identity)
    for (const { id } of alike.slice(0, ALIKE_MAX)) {
      const same = first?.id === id ? first.same : await this.#hasContent(id, held)
      if (same) return { verdict: 'there', there: id }
    }
    if (itself === 'other') return { verdict: 'conflict', there: held.item }
    const other = alike.find(({ standsIn }) => !standsIn)
    return other ? { verdict: 'conflict', there: other.id } : { verdict: 'missing' }
  }

  /**
   * Others of this identity. What stood here at that time answers for itself alone, in this plan or
   * another one, unless the item had left by then: then it may be the copy that came back. Such
   * ones come first, so that a copy that was made since is there for whoever did not leave.
   */
  async #alike(held: HeldItem, identity: string): Promise<Alike[]> {
    const ids = this.#existing.alike(identity).filter((id) => id !== held.item || !this.#byId)
    if (!this.#byId) return ids.map((id) => ({ id, standsIn: false }))
    const { stream, request, signal } = this.#context
    const stood: GraphId[] = []
    const free: GraphId[] = []
    for (const id of ids) {
      const then = await stream.item(keyHash(id), request.seq, signal)
      const stoodHere = then && !then.deleted && then.place.container === this.#source
      if (stoodHere) stood.push(id)
      else free.push(id)
      if (free.length === ALIKE_MAX) break
    }
    const standIns = stood.length > 0 && (await this.#hadLeft(held.item)) ? stood : []
    const alike: Alike[] = []
    for (const id of standIns.slice(0, ALIKE_MAX)) {
      if (!(await this.#hadLeft(id))) alike.push({ id, standsIn: true })
    }
    return [...alike, ...free.map((id) => ({ id, standsIn: false }))]
  }

  /** By the time that is restored; as far as rows tell. */
  #hadLeft(item: GraphId): Promise<boolean> {
    const { stream, request, signal } = this.#context
    return stream.hadLeft(keyHash(item), request.seq, signal)
  }

  async #identity(held: HeldItem): Promise<string | undefined> {
    const { source, sendSignal } = this.#context
    try {
      const representations = await openJson(source.reader, held, sendSignal)
      return this.#writer.identity({ representations, display: held.display })
    } catch (error) {
      // A version that cannot be opened has no identity to compare; its slot will say why.
      if (troubleOf(error).kind === 'wait') throw error
      return undefined
    }
  }

  async #hasContent(id: GraphId, held: HeldItem): Promise<boolean> {
    const { source, sendSignal, signal } = this.#context
    const contents = contentsOf(held)
    const bytes = openBytes(contents, source.streamed)
    const release = await this.#memory.claim(Math.min(bytes, OPEN_BYTES_MAX), signal)
    try {
      const { key, seq } = held
      const version = await openVersion(source, { key, seq, contents }, sendSignal)
      return (await this.#writer.matches(id, version, sendSignal)) === 'same'
    } catch (error) {
      // What cannot be compared is not the same; its slot will say why, if it is restored.
      if (troubleOf(error).kind === 'wait') throw error
      return false
    } finally {
      release()
    }
  }
}

/** Of two versions: one and the same, or both of the same bytes. */
export function sameContent(one: HeldItem, other: HeldItem): boolean {
  if (other.deleted) return false
  if (one.seq === other.seq) return true
  const [bytes, otherBytes] = [one, other].map(({ representations }) =>
    representations
      .filter(({ name }) => name !== 'json' && name !== 'permissions')
      .map(({ name, sha256 }) => [name, sha256]),
  )
  const known = bytes !== undefined && bytes.length > 0
  return (
    known &&
    one.marker.content === other.marker.content &&
    JSON.stringify(bytes) === JSON.stringify(otherBytes)
  )
}
