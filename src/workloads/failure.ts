/**
 * Whose trouble an error is: one item's (or container's), which goes to the ledger while its
 * neighbours are captured, or the whole owner's, which ends the slice.
 *
 * Some errors may be either. They are believed of the item until too many come in a row; then the
 * owner is in trouble, and what was put into the ledger on the way is tried again like the rest.
 */
import { AppError } from '../model/errors.ts'
import type { LedgerReason } from '../model/events.ts'

export interface ItemFailure {
  reason: LedgerReason
  /** Stable code of the error. */
  code: string
  /** False: the service calls it final; it is asked again only at the longest wait. */
  retry: boolean
  /** It may as well be the owner's trouble: what is thrown where too many in a row have it. */
  doubt?: AppError
}

/** Items in a row that may be unavailable by themselves; the next one means the owner. */
export const UNAVAILABLE_RUN_MAX = 3

interface Rule extends Omit<ItemFailure, 'code' | 'doubt'> {
  isDoubtful?: true
}

const RULES: Readonly<Record<string, Rule>> = {
  ItemCorrupt: { reason: 'corrupt', retry: false },
  TooLarge: { reason: 'too-large', retry: false },
  // Of the vault: what one version may hold (docs/format.md).
  MetadataTooLarge: { reason: 'too-large', retry: false },
  VersionTooLarge: { reason: 'too-large', retry: false },
  ContentTooLong: { reason: 'too-large', retry: false },
  MalwareDetected: { reason: 'refused', retry: false },
  DeltaNotSupported: { reason: 'refused', retry: false },
  MovedToAnotherMailbox: { reason: 'refused', retry: true },
  ResourceLocked: { reason: 'refused', retry: true },
  RequestNotUnderstood: { reason: 'refused', retry: true },
  UnreadableAnswer: { reason: 'unreadable-answer', retry: true },
  EndlessPages: { reason: 'unreadable-answer', retry: true },
  // Of a container: capture/walks.ts and capture/read-round.ts.
  LinksRefused: { reason: 'unavailable', retry: true, isDoubtful: true },
  ContainerUnreadable: { reason: 'unavailable', retry: true },
  ContentBroken: { reason: 'unavailable', retry: true, isDoubtful: true },
  // Of files: changed while they were read, or not what their hash says.
  ContentChanged: { reason: 'unavailable', retry: true },
  ContentDiffers: { reason: 'unavailable', retry: true },
  // Of a container that is not even begun: elsewhere it is no trouble.
  ResyncNeeded: { reason: 'unavailable', retry: true, isDoubtful: true },
}

function ruleOf(error: AppError): Rule | undefined {
  const { scope, status } = error.context
  // An answered 5xx after all attempts; without an answer the network is the trouble.
  if (error.code === 'GraphUnavailable' && typeof status === 'number' && status >= 500) {
    return { reason: 'unavailable', retry: true, isDoubtful: true }
  }
  if (error.code === 'AccessDenied' && scope === 'item') {
    return { reason: 'refused', retry: true, isDoubtful: true }
  }
  return Object.hasOwn(RULES, error.code) ? RULES[error.code] : undefined
}

/** Undefined where the trouble is not an item's own: throw the error on. Pure. */
export function itemFailure(error: unknown): ItemFailure | undefined {
  if (!(error instanceof AppError)) return undefined
  const rule = ruleOf(error)
  if (rule === undefined) return undefined
  const { isDoubtful = false, ...failure } = rule
  return { ...failure, code: error.code, ...(isDoubtful && { doubt: error }) }
}

/** Judges the failures of one owner's items, in the order in which they come. */
export class Blame {
  #unavailableRun = 0

  /**
   * Throws the doubt where it is the owner's trouble by now. An item that stands in the ledger
   * already is no news of the owner: otherwise a few of them in a row would block it for ever.
   */
  lay(failure: ItemFailure, { isKnown }: { isKnown: boolean }): void {
    if (failure.doubt === undefined || isKnown) return
    this.#unavailableRun += 1
    if (this.#unavailableRun > UNAVAILABLE_RUN_MAX) throw failure.doubt
  }

  /** An item was read: what was unavailable before it was unavailable by itself. */
  wentWell(): void {
    this.#unavailableRun = 0
  }
}
