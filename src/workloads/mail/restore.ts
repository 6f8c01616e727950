/**
 * Puts messages back into a mailbox.
 *
 * `create` is one POST that is sent once; the hidden mark on what it made is how a lost answer
 * is resolved. Nothing here plans, overwrites or decides about conflicts: the restore role does.
 */
import { createHash } from 'node:crypto'
import {
  type JsonObject,
  MAILBOX_CONCURRENCY,
  type Mailbox,
  textOf,
  walkPages,
} from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { CreateOutcome, HeldVersion, StreamWriter, TargetItem } from '../workload.ts'
import { checkMessage, matchMessage } from './check.ts'
import { heldMessage } from './held.ts'
import { buildMessage, NEEDS_EXACT_LANE, SLOT_PROPERTY } from './message-json.ts'
import { createPresentReader } from './present.ts'
import { createFolder, readTree, removeEmptyFolder } from './target-folders.ts'

const LIST_PAGE_SIZE = 500
const IDENTITY_SELECT = 'id,changeKey,internetMessageId,sentDateTime,receivedDateTime'

export function createMailWriter(mailbox: Mailbox): StreamWriter {
  return {
    containers: (signal) => readTree(mailbox, signal),
    createContainer: (name, parent, signal) => createFolder({ mailbox, name, parent, signal }),
    existing: (container, signal) => existing(mailbox, container, signal),
    identity: (version) => identityOf(heldMessage(version)),
    create: (version, { container, mark }, signal) =>
      createMessage(mailbox, { version, container, mark }, signal),
    find: ({ container, mark }, signal) => findMarked(mailbox, { container, mark }, signal),
    remove: (id, signal) => remove(mailbox, id, signal),
    place: (id, { container }, signal) => move(mailbox, id, container, signal),
    check: (id, version, _spot, signal) => checkMessage({ mailbox, id, version, signal }),
    present: createPresentReader(mailbox),
    matches: (id, version, signal) => matchMessage({ mailbox, id, version, signal }),
    removeEmptyContainer: (id, signal) => removeEmptyFolder(mailbox, id, signal),
    concurrency: MAILBOX_CONCURRENCY,
    requests: mailbox.requests,
  }
}

async function* existing(
  mailbox: Mailbox,
  container: GraphId,
  signal: AbortSignal,
): AsyncGenerator<TargetItem> {
  const query = { $select: IDENTITY_SELECT, $top: `${LIST_PAGE_SIZE}` }
  const path = ['mailFolders', container, 'messages']
  const name = 'messages.list'
  const pages = walkPages(name, (link) =>
    mailbox.json({ name, ...(link === null ? { path, query } : { link }) }, signal),
  )
  for await (const items of pages) {
    for (const item of items) {
      const change = textOf(item, 'changeKey') ?? ''
      yield { id: (textOf(item, 'id') ?? '') as GraphId, identity: identityOf(item), change }
    }
  }
}

/** Message-ID and sent time; without a Message-ID, both dates. A digest: it goes into tables. */
function identityOf(message: JsonObject): string {
  const messageId = textOf(message, 'internetMessageId')
  const sent = seconds(textOf(message, 'sentDateTime'))
  const parts = messageId
    ? [messageId, sent]
    : ['', sent, seconds(textOf(message, 'receivedDateTime'))]
  return createHash('sha256').update(JSON.stringify(parts), 'utf8').digest('hex')
}

/** Exchange keeps whole seconds. */
function seconds(time: string | undefined): number {
  const ms = Date.parse(time ?? '')
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000)
}

interface NewMessage {
  version: HeldVersion
  container: GraphId
  mark: string
}

async function createMessage(
  mailbox: Mailbox,
  creation: NewMessage,
  signal: AbortSignal,
): Promise<CreateOutcome> {
  const built = await buildMessage(creation.version, creation.mark)
  if (built.outcome === 'refused') return built
  const before = mailbox.requests()
  try {
    const made = await mailbox.json(
      {
        name: 'message.create',
        method: 'POST',
        path: ['mailFolders', creation.container, 'messages'],
        body: built.body,
      },
      signal,
    )
    const id = textOf(made, 'id')
    if (id === undefined) throw lostId()
    return { outcome: 'created', id: id as GraphId, requests: mailbox.requests() - before }
  } catch (error) {
    const refused = refusalOf(error)
    if (refused !== undefined) return refused
    throw error
  }
}

/** It was made (2xx), but its id cannot be read: only the mark finds it. */
function lostId(cause?: AppError): AppError {
  return new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: 'The message was made, but the answer that names it cannot be read.',
    hint: 'Nothing to do: Holdfast looks for what was made before it goes on.',
    ...(cause === undefined ? {} : { context: cause.context }),
  })
}

/** Only answers that say for certain that nothing was made, and that this message is why. */
function refusalOf(error: unknown): CreateOutcome | undefined {
  if (!(error instanceof AppError)) return undefined
  if (error.code === 'UnreadableAnswer') throw lostId(error)
  if (error.code === 'TooLarge') return NEEDS_EXACT_LANE
  if (error.code === 'RequestNotUnderstood' || error.code === 'ItemCorrupt') {
    return { outcome: 'refused', code: error.code, message: error.message }
  }
  return undefined
}

async function findMarked(
  mailbox: Mailbox,
  { container, mark }: { container: GraphId; mark: string },
  signal: AbortSignal,
): Promise<GraphId[]> {
  const value = mark.replaceAll("'", "''")
  const query = {
    $filter: `singleValueExtendedProperties/Any(ep: ep/id eq '${SLOT_PROPERTY}' and ep/value eq '${value}')`,
    $select: 'id',
  }
  const path = ['mailFolders', container, 'messages']
  const name = 'messages.find'
  const pages = walkPages(name, (link) =>
    mailbox.json({ name, ...(link === null ? { path, query } : { link }) }, signal),
  )
  const ids: GraphId[] = []
  for await (const items of pages) {
    ids.push(...items.map((item) => (textOf(item, 'id') ?? '') as GraphId))
  }
  return ids
}

async function remove(mailbox: Mailbox, id: GraphId, signal: AbortSignal): Promise<void> {
  try {
    await mailbox.send({ name: 'message.delete', method: 'DELETE', path: ['messages', id] }, signal)
  } catch (error) {
    // Already gone is what was wanted; a repeated DELETE finds nothing as well.
    if (!(error instanceof AppError && error.code === 'ItemGone')) throw error
  }
}

/** With immutable ids it keeps its own. Into the folder where it stands already, it stays there. */
async function move(
  mailbox: Mailbox,
  id: GraphId,
  container: GraphId,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ destinationId: container })
  const path = ['messages', id, 'move']
  await mailbox.json({ name: 'message.move', method: 'POST', path, body }, signal)
}
