/**
 * Three states of an item, for a roll back: as it was held at the first point, as it was held at
 * the second, and as it is in the target now.
 *
 * Two states are equal if content, name and folder are; flags, read state, dates and sharing do not
 * count. What is compared with the target is told by markers, and where those cannot tell, byte by
 * byte.
 */
import type { HeldItem } from '../catalogue/types.ts'
import { MemoryPool } from '../concurrency/index.ts'
import type { GraphId } from '../model/ids.ts'
import type { PresentItem, StreamWriter } from '../workloads/workload.ts'
import { keptContent, sameContent } from './conflicts.ts'
import { OPEN_BYTES_MAX } from './limits.ts'
import type { Aspect, PlannedSeen } from './slot-plans.ts'
import type { StepContext } from './step-context.ts'
import { troubleOf } from './trouble.ts'
import { contentsOf, openBytes, openVersion } from './versions.ts'

/** What somebody made of an item; a state that is undefined is one in which it is not there. */
export class ThreeWay {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #memory = new MemoryPool(OPEN_BYTES_MAX)

  constructor(context: StepContext, writer: StreamWriter) {
    this.#context = context
    this.#writer = writer
  }

  /** In what the second of two held states is not the first. */
  between(one: HeldItem, other: HeldItem | undefined): Aspect[] {
    if (other === undefined) return ['gone']
    if (one.seq === other.seq) return []
    const aspects: Aspect[] = []
    if (!this.#keptBetween(one, other)) aspects.push('content')
    if (this.#named && one.display.name !== other.display.name) aspects.push('name')
    if (one.place.container !== other.place.container) aspects.push('folder')
    return aspects
  }

  now(item: GraphId): Promise<PresentItem | undefined> {
    return this.#writer.present(item, this.#context.sendSignal)
  }

  /** In what the target is not as it was held; `held` is what is held at `seq`. */
  async since(
    held: HeldItem | undefined,
    seq: number,
    now: PresentItem | undefined,
  ): Promise<Aspect[]> {
    if (now === undefined) return held === undefined ? [] : ['gone']
    if (held === undefined) return ['back']
    const aspects: Aspect[] = []
    if (!(await this.#hasContent(held, seq, now))) aspects.push('content')
    if (this.#named && now.name !== held.display.name) aspects.push('name')
    if (now.container !== held.place.container) aspects.push('folder')
    return aspects
  }

  get #named(): boolean {
    const { deps, request } = this.#context
    return deps.workloads(request.workload).names !== undefined
  }

  #keptBetween(one: HeldItem, other: HeldItem): boolean {
    const { deps, request } = this.#context
    const { compare } = deps.workloads(request.workload)
    if (compare(one.marker, other.marker) !== 'content' || sameContent(one, other)) return true
    // A file without a hash has a marker that a rename changes as well.
    const whole = wholeOf(one)
    return whole !== undefined && whole === wholeOf(other)
  }

  async #hasContent(held: HeldItem, seq: number, now: PresentItem): Promise<boolean> {
    const { deps, request, source, sendSignal, signal } = this.#context
    if (keptContent(held.marker, now, deps.workloads(request.workload).compare)) return true
    const contents = contentsOf(held)
    const bytes = openBytes(contents, source.streamed)
    const release = await this.#memory.claim(Math.min(bytes, OPEN_BYTES_MAX), signal)
    try {
      const plan = { key: held.key, seq: held.seq, contents }
      const version = await openVersion({ ...source, seq }, plan, sendSignal)
      return (await this.#writer.matches(held.item, version, sendSignal)) === 'same'
    } catch (error) {
      // What cannot be compared is not the same, and so is left alone.
      if (troubleOf(error).kind === 'wait') throw error
      return false
    } finally {
      release()
    }
  }
}

/** Of content that one representation holds whole. */
function wholeOf({ representations }: HeldItem): string | undefined {
  return representations.find(({ name }) => name === 'content')?.sha256
}

/** What a plan binds of an item, without what only the service's answer has besides. */
export function plannedSeen({ container, marker, name }: PresentItem): PlannedSeen {
  const { content, decoration, change } = marker
  return {
    seen: { container, marker: { content, decoration, change } },
    ...(name === undefined ? {} : { name }),
  }
}

/** Nobody touched it since the plan. */
export function isAsPlanned(
  { seen, name }: PlannedSeen,
  now: PresentItem | undefined,
  { deps, request }: Pick<StepContext, 'deps' | 'request'>,
): boolean {
  if (now === undefined || !standsAt(now, seen.container, name)) return false
  return keptContent(seen.marker, now, deps.workloads(request.workload).compare)
}

/** `name` undefined: names do not count. */
export function standsAt(
  now: PresentItem,
  container: GraphId | undefined,
  name: string | undefined,
): boolean {
  return now.container === container && (name === undefined || now.name === name)
}
