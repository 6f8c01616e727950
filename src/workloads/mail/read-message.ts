/**
 * Reads one message of a restore's target, so that no single message can hold up a job.
 *
 * A message that the service never answers with something readable, or only with an inner error,
 * is broken by itself: `ItemUnreadable`.
 */
import type { JsonObject, Mailbox } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { isAboutTheQuery } from './expand-fallback.ts'

export interface MessageRead {
  mailbox: Mailbox
  /** Names the call in errors. */
  name: string
  id: GraphId
  query: Readonly<Record<string, string>>
  signal: AbortSignal
}

/** Throws `ItemUnreadable`, `ItemGone`, and what the client throws. */
export async function readMessage(read: MessageRead): Promise<JsonObject> {
  const { mailbox, name, id, query, signal } = read
  try {
    return await mailbox.json({ name, path: ['messages', id], query }, signal)
  } catch (error) {
    if (hasCode(error, 'UnreadableAnswer') || isAboutTheQuery(error)) throw itemUnreadable(name)
    throw error
  }
}

function itemUnreadable(call: string): AppError {
  return new AppError({
    code: 'ItemUnreadable',
    kind: 'corrupt',
    message: 'Microsoft Graph does not give this message in a form that can be read.',
    hint: 'Open it in Outlook; if that fails too, it is damaged in the service.',
    context: { call },
  })
}
