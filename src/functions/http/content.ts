/**
 * The content of one item, as the file that it was: the only call that opens what we hold.
 *
 * Small content is opened and checked in whole before the status line goes out, so that damage
 * is an answer that says so. Of larger content the first piece is; damage behind it breaks the
 * transfer off, and the client sees that the length is wrong. Not here: archives of many items
 * (exports are jobs).
 */
import { z } from 'zod'
import type { HeldItem } from '../../catalogue/types.ts'
import type { Representation, RepresentationName } from '../../model/events.ts'
import type { WorkloadName } from '../../model/ids.ts'
import type { ContentReader } from '../../vault/types.ts'
import { attachment } from './file-name.ts'
import { keyOf } from './input.ts'
import { itemOf, itemQuery, recordSight } from './items.ts'
import { refusal } from './problems.ts'
import { getRoute, type Reply } from './route.ts'
import { asOf, streamOf } from './stream-at.ts'

/** Up to here content is checked to its end before it is answered. Above it, it is streamed. */
const WHOLE_BYTES_MAX = 4 * 1024 * 1024

const FORMS = {
  mime: { representation: 'mime', type: 'message/rfc822', ending: 'eml' },
  // Whatever the file says that it is: nothing here vouches for it.
  content: { representation: 'content', type: 'application/octet-stream', ending: undefined },
  json: { representation: 'json', type: 'application/json', ending: 'json' },
} as const satisfies Record<
  string,
  { representation: RepresentationName; type: string; ending: string | undefined }
>

/** What an item of this workload is opened as where nothing else is asked for. */
const USUAL_FORM: Readonly<Record<WorkloadName, keyof typeof FORMS>> = {
  mail: 'mime',
  drive: 'content',
}

export const getContent = getRoute({
  name: 'apiGetContent',
  path: 'v1/resources/{id}/items/{item}/content',
  right: 'content',
  query: itemQuery.extend({
    as: z.enum(['mime', 'content', 'json'], { error: 'must be mime, content or json' }).optional(),
  }),
  async handle({ params, query, caller, signal }, deps) {
    const key = keyOf(params.item, 'item')
    const stream = await streamOf(params.id, query.workload, deps, signal)
    const state = await asOf(stream, { at: query.at }, deps, signal)
    const held = await itemOf(state, key, signal)
    const as = query.as ?? USUAL_FORM[stream.workload]
    const form = FORMS[as]
    const representation = representationOf(held, form.representation)
    await recordSight('content-read', { caller, state, item: key }, deps, signal)
    const reader = deps.vault.reader(state.owner)
    const headers = {
      'content-type': form.type,
      'content-disposition': attachment(held.display.name, form.ending),
      // A mail or file may hold a script: whoever opens the answer in a browser must not run it.
      'content-security-policy': "default-src 'none'; sandbox",
    }
    const open = as === 'json' ? openJson : openBytes
    return open(reader, representation, headers, signal)
  },
})

/** Throws `ItemDeleted`, `RepresentationMissing`. */
function representationOf(held: HeldItem, name: RepresentationName): Representation {
  if (held.deleted) {
    throw refusal(
      'ItemDeleted',
      'The item had been deleted by this time.',
      'Give an earlier time in "at"; the recovery points before the deletion still hold it.',
    )
  }
  const found = held.representations.find((r) => r.name === name)
  if (found !== undefined) return found
  const names = held.representations.map((r) => r.name).join(', ')
  throw refusal(
    'RepresentationMissing',
    'The item is not held in this form.',
    names === '' ? 'It has no content of its own.' : `It is held as: ${names}.`,
  )
}

type Open = (
  reader: ContentReader,
  representation: Representation,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<Reply>

/** Graph's own answer, without our metadata around it. */
const openJson: Open = async (reader, representation, headers, signal) => {
  const { json } = await reader.metadata(representation, signal)
  const content = Buffer.from(JSON.stringify(json))
  return { status: 200, headers: withLength(headers, content.length), content }
}

const openBytes: Open = async (reader, representation, headers, signal) => {
  const { bytes } = representation
  const sized = withLength(headers, bytes)
  if (bytes <= WHOLE_BYTES_MAX) {
    const content = await reader.readAll(representation, WHOLE_BYTES_MAX, signal)
    return { status: 200, headers: sized, content }
  }
  const pieces = reader.read(representation, signal)[Symbol.asyncIterator]()
  const first = await pieces.next()
  return { status: 200, headers: sized, content: resumed(first, pieces) }
}

async function* resumed(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let piece = first; piece.done !== true; piece = await rest.next()) yield piece.value
  } finally {
    // A client that goes away must not leave the vault reading.
    await rest.return?.()
  }
}

function withLength(headers: Readonly<Record<string, string>>, bytes: number) {
  return { ...headers, 'content-length': String(bytes) }
}
