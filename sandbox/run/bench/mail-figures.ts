/** The figures of mail and their limits. Pure. How they are shown is in mail-text.ts. */
import { type BackupResult, requestsOf } from '../backup.ts'
import { INCREMENTAL_BESIDE_MAX, type MailboxRequests, mailboxRequests, most } from '../budget.ts'
import { MB, type RunFigures, rounded, runFigures, workerExceeds } from './run-figures.ts'

export const REQUESTS_PER_MESSAGE_MAX = 1.1

export interface MailFigures {
  messages: number
  mailboxes: number
  first: RunFigures & {
    items: number
    requestsPerMessage: number
    itemsPerSecond: number
    mbPerSecond: number
    mb: number
  }
  /** Every mailbox is read, and nothing has changed. */
  quiet: RunFigures
  /** A tick where nothing has changed: the fewest and the most requests for a mailbox. */
  unchanged: RunFigures & { leastForMailbox: number; mostForMailbox: number }
  /** A tick after new mail for everybody. */
  incremental: RunFigures & {
    newMessages: number
    stored: number
    /** Of the mailbox that took most: its folders, and the requests beside those below. */
    folders: number
    besideForMailbox: number
    /** Over all mailboxes. */
    content: number
    confirming: number
    hidden: number
  }
  /** A run after flags were set. */
  flags: RunFigures & { changes: number; restated: number; content: number }
  workerPeakMb: number | undefined
  /** Workers that ended and were replaced: their work was done twice. */
  workerDeaths: number
}

export interface MailMeasured {
  first: BackupResult
  quiet: BackupResult
  unchanged: BackupResult
  incremental: BackupResult
  /** New messages before the incremental run. */
  delivered: number
  flags: BackupResult
  /** Messages that were flagged before that run. */
  flagged: number
  /** How many are read of each mailbox, by the id of its user. */
  folders: ReadonlyMap<string, number>
  messages: number
  mailboxes: number
  mb: number | undefined
  workerDeaths: number
}

export function mailFigures(given: MailMeasured): MailFigures {
  const { first, messages, mailboxes, mb, workerDeaths } = given
  return {
    ...{ messages, mailboxes },
    first: firstFigures(first, messages),
    quiet: runFigures(given.quiet),
    unchanged: unchangedFigures(given),
    incremental: incrementalFigures(given),
    flags: flagFigures(given),
    workerPeakMb: mb === undefined ? undefined : rounded(mb),
    workerDeaths,
  }
}

function firstFigures(first: BackupResult, messages: number): MailFigures['first'] {
  const items = first.counts.stored
  return {
    ...runFigures(first),
    items,
    requestsPerMessage: rounded(requestsOf(first.requests) / messages, 4),
    itemsPerSecond: rounded(items / first.seconds),
    mbPerSecond: rounded(first.bytes / MB / first.seconds, 2),
    mb: rounded(first.bytes / MB),
  }
}

function unchangedFigures({ unchanged, folders }: MailMeasured): MailFigures['unchanged'] {
  const totals = mailboxRequests(unchanged.requests, folders).map(({ total }) => total)
  return {
    ...runFigures(unchanged),
    leastForMailbox: Math.min(...totals),
    mostForMailbox: Math.max(...totals),
  }
}

function incrementalFigures({ incremental, folders, delivered }: MailMeasured) {
  const all = mailboxRequests(incremental.requests, folders)
  const over = (one: MailboxRequests) => one.beside - one.folders
  const worst = all.find((one) => over(one) === most(all, over)) ?? all[0]
  const sum = (of: 'content' | 'confirming' | 'hidden') =>
    all.reduce((total, one) => total + one[of], 0)
  return {
    ...runFigures(incremental),
    newMessages: delivered,
    stored: incremental.counts.stored,
    folders: worst?.folders ?? 0,
    besideForMailbox: worst?.beside ?? 0,
    ...{ content: sum('content'), confirming: sum('confirming'), hidden: sum('hidden') },
  }
}

function flagFigures({ flags, flagged, folders }: MailMeasured): MailFigures['flags'] {
  const content = mailboxRequests(flags.requests, folders).reduce((sum, o) => sum + o.content, 0)
  return { ...runFigures(flags), changes: flagged, restated: flags.counts.restated, content }
}

/** Every limit that does not hold, in sentences. */
export function mailExceeds(figures: MailFigures): string[] {
  return [
    ...firstExceeds(figures),
    ...laterExceeds(figures),
    ...workerExceeds(figures.workerPeakMb, figures.workerDeaths),
  ]
}

function firstExceeds({ first, messages }: Pick<MailFigures, 'first' | 'messages'>): string[] {
  const exceeded: string[] = []
  const { items, requestsPerMessage } = first
  if (items < messages) exceeded.push(`only ${items} of ${messages} messages were stored`)
  if (requestsPerMessage > REQUESTS_PER_MESSAGE_MAX) {
    const cost = requestsPerMessage.toFixed(3)
    exceeded.push(`${cost} requests for a message, ${REQUESTS_PER_MESSAGE_MAX} are allowed`)
  }
  return exceeded
}

function laterExceeds(figures: Pick<MailFigures, 'unchanged' | 'incremental' | 'flags'>): string[] {
  const { unchanged, incremental, flags } = figures
  const exceeded: string[] = []
  const { leastForMailbox: least, mostForMailbox: top } = unchanged
  if (least !== 1 || top !== 1) {
    exceeded.push(`${least} to ${top} requests for an unchanged mailbox, 1 is allowed`)
  }
  const { folders, besideForMailbox: beside, content, newMessages, stored } = incremental
  const limit = folders + INCREMENTAL_BESIDE_MAX
  if (beside > limit) {
    exceeded.push(`${beside} requests for a changed mailbox beside its mail, ${limit} are allowed`)
  }
  if (content > newMessages) {
    exceeded.push(`${content} requests for ${newMessages} new messages`)
  }
  if (stored !== newMessages) exceeded.push(`${stored} of ${newMessages} new messages were stored`)
  if (flags.content > 0) exceeded.push(`${flags.content} content requests for flags`)
  if (flags.restated !== flags.changes) {
    exceeded.push(`${flags.restated} of ${flags.changes} flags were taken over`)
  }
  return exceeded
}
