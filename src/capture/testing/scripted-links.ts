/**
 * The links of a scripted mailbox: places in a log, which can be refused like Outlook refuses them.
 *
 * A link says all of itself in its text, so that a mailbox which is told its story again knows the
 * links that the first one gave out.
 */
import { AppError } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'

/** `position`: inside a walk. `start`: what the next walk begins with. */
export type LinkKind = 'position' | 'start'

/** Which links are refused, and with what. */
export interface Refusal {
  kinds: readonly LinkKind[]
  /** Of the list of containers, of the containers, or of both. */
  of: 'list' | 'containers' | 'all'
  /** 404 stands for links that are answered as if the container were gone (facts on Graph, 7.11). */
  form: 410 | 404
}

export interface LinkPlace {
  /** Entries of the log that were passed. */
  from: number
  /** Entries of the log when a read from the beginning began; 0: a read of changes. */
  began: number
}

export class ScriptedLinks {
  readonly #refusals: Refusal[] = []

  expire(refusal: Refusal): void {
    this.#refusals.push(refusal)
  }

  write(kind: LinkKind, { from, began }: LinkPlace): string {
    return [kind, this.#refusals.length, from, began].join(':')
  }

  /** Undefined: from the beginning. Throws what the service says of a link that it refuses. */
  read(container: GraphId, link: string | null): LinkPlace | undefined {
    if (link === null) return undefined
    const [kind, issued, from, began] = link.split(':')
    const refusal = this.#refusals
      .slice(Number(issued))
      .find(({ kinds, of }) => kinds.some((k) => k === kind) && concerns(of, container))
    if (refusal) throw refused(refusal.form)
    return { from: Number(from), began: Number(began) }
  }
}

function concerns(of: Refusal['of'], container: GraphId): boolean {
  return of === 'all' || (of === 'list') === (container === CONTAINERS)
}

function refused(form: Refusal['form']): AppError {
  return form === 410
    ? new AppError({ code: 'ResyncNeeded', kind: 'transient', message: 'the link is too old' })
    : new AppError({ code: 'ItemGone', kind: 'permanent', message: 'no such folder' })
}
