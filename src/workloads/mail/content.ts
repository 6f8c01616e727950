/**
 * Fetches a message's content: its MIME stream, and its attachment list where that is not known.
 *
 * MIME is handed on as it arrives. It has no place for link attachments, and a restored copy is
 * held to the service's own list; so where the JSON came without that list and the message has
 * attachments, the list is asked for. Trouble with the item goes to the ledger; trouble with the
 * mailbox is thrown.
 */
import { isObject, type JsonObject, type Mailbox, walkPages } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { LedgerReason } from '../../model/events.ts'
import type { ContentOutcome, ContentPart, Present } from '../workload.ts'

/** Items in a row that may be unavailable by themselves; the next one means the mailbox. */
const UNAVAILABLE_RUN_MAX = 3

export interface ContentReader {
  fetch(item: Present, signal: AbortSignal): Promise<ContentOutcome>
}

export function createContentReader(mailbox: Mailbox): ContentReader {
  let unavailableRun = 0
  return {
    async fetch(item, signal) {
      try {
        const parts = await partsOf(mailbox, item, signal)
        unavailableRun = 0
        return { outcome: 'content', parts }
      } catch (error) {
        const outcome = outcomeOf(error)
        if (outcome === undefined) throw error
        const unavailable = outcome.outcome === 'ledger' && outcome.reason === 'unavailable'
        unavailableRun = unavailable ? unavailableRun + 1 : 0
        if (unavailableRun > UNAVAILABLE_RUN_MAX) throw error
        return outcome
      }
    },
  }
}

async function partsOf(
  mailbox: Mailbox,
  item: Present,
  signal: AbortSignal,
): Promise<ContentPart[]> {
  const isNamed = isObject(item.json) && 'attachments' in item.json
  const asks = !isNamed && item.display.hasAttachments === true
  // Before the MIME is begun: a stream that nobody goes on to read would keep its slot.
  const list = asks ? await attachmentList(mailbox, item.id, signal) : undefined
  const path = ['messages', item.id, '$value']
  const response = await mailbox.send({ name: 'messages.value', path, answer: 'streamed' }, signal)
  const mime: ContentPart = { name: 'mime', bytes: bytesOf(response) }
  if (list === undefined) return [mime]
  const named = Buffer.from(JSON.stringify(list), 'utf8')
  return [mime, { name: 'attachments', bytes: once(named) }]
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  yield* response.body
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const LIST_PAGE_SIZE = 100

/** What Graph says of the attachments; a message has few, so the pages are few. */
async function attachmentList(
  mailbox: Mailbox,
  id: string,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const name = 'attachments.list'
  const first = {
    path: ['messages', id, 'attachments'],
    query: {
      $select: 'id,name,contentType,size,isInline,lastModifiedDateTime',
      $top: `${LIST_PAGE_SIZE}`,
    },
  }
  const pages = walkPages(name, (link) =>
    mailbox.json({ name, ...(link === null ? first : { link }) }, signal),
  )
  const all: JsonObject[] = []
  for await (const items of pages) all.push(...items)
  return all
}

const ledgerReasons: Readonly<Record<string, { reason: LedgerReason; retry: boolean }>> = {
  ItemCorrupt: { reason: 'corrupt', retry: false },
  TooLarge: { reason: 'too-large', retry: false },
  MalwareDetected: { reason: 'refused', retry: false },
  ResourceLocked: { reason: 'refused', retry: true },
  RequestNotUnderstood: { reason: 'refused', retry: true },
  UnreadableAnswer: { reason: 'unreadable-answer', retry: true },
}

/** Undefined where the trouble is not the item's own. */
function outcomeOf(error: unknown): Exclude<ContentOutcome, { outcome: 'content' }> | undefined {
  if (!(error instanceof AppError)) return undefined
  if (error.code === 'ItemGone') return { outcome: 'gone' }
  const known = ledgerReasons[error.code]
  if (known !== undefined) return { outcome: 'ledger', code: error.code, ...known }
  // An answered 5xx after all attempts is the item's, unless its neighbours have it as well.
  const { status } = error.context
  if (error.code === 'GraphUnavailable' && typeof status === 'number' && status >= 500) {
    return { outcome: 'ledger', reason: 'unavailable', code: error.code, retry: true }
  }
  return undefined
}
