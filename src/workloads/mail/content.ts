/**
 * Fetches a message's content: its MIME stream, and its attachment list where that is not known.
 *
 * MIME is handed on as it arrives. It has no place for link attachments, and a restored copy is
 * held to the service's own list; so where the JSON came without that list and the message has
 * attachments, the list is asked for. Trouble with the item goes to the ledger; trouble with the
 * mailbox is thrown.
 */
import { isObject, type JsonObject, type Mailbox, walkPages } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import { itemFailure } from '../failure.ts'
import type { ContentOutcome, ContentPart, Present } from '../workload.ts'

export interface ContentReader {
  fetch(item: Present, signal: AbortSignal): Promise<ContentOutcome>
}

export function createContentReader(mailbox: Mailbox): ContentReader {
  return {
    async fetch(item, signal) {
      try {
        const parts = await partsOf(mailbox, item, signal)
        return { outcome: 'content', parts }
      } catch (error) {
        if (hasCode(error, 'ItemGone')) return { outcome: 'gone' }
        const failure = itemFailure(error)
        if (failure === undefined) throw error
        return { outcome: 'ledger', ...failure }
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
  const mime: ContentPart = { name: 'mime', bytes: bytesOf(response, signal) }
  if (list === undefined) return [mime]
  const named = Buffer.from(JSON.stringify(list), 'utf8')
  return [mime, { name: 'attachments', bytes: once(named) }]
}

/** Throws `ContentBroken` where the body ends before its end, and the signal is not the reason. */
async function* bytesOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  try {
    yield* response.body
  } catch (error) {
    throw signal.aborted ? error : contentBroken(error)
  }
}

function contentBroken(cause: unknown): AppError {
  return new AppError({
    code: 'ContentBroken',
    kind: 'transient',
    message: 'The content of an item stopped before its end.',
    hint: 'Nothing to do: the item goes to the ledger and is tried again.',
    cause,
  })
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
