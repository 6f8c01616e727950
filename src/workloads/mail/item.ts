/** Reads one message as it is now: for ledger retries, and to ask for what seems to be gone. */
import { type Mailbox, textOf } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import { MESSAGE_QUERIES, presentMessage } from './changes.ts'
import { isAboutTheQuery } from './expand-fallback.ts'
import { learnRecoverable } from './folders.ts'

export interface ItemReader {
  read(id: GraphId, signal: AbortSignal): Promise<Present | undefined>
}

export function createItemReader(mailbox: Mailbox): ItemReader {
  let recoverable: ReadonlySet<string> | undefined

  async function read(id: GraphId, signal: AbortSignal): Promise<Present | undefined> {
    const ask = (query: Record<string, string>) =>
      mailbox.json({ name: 'messages.get', path: ['messages', id], query }, signal)
    try {
      const message = await ask(MESSAGE_QUERIES.expanded).catch((error: unknown) => {
        if (!isAboutTheQuery(error)) throw error
        return ask(MESSAGE_QUERIES.plain)
      })
      const folder = (textOf(message, 'parentFolderId') ?? '') as GraphId
      // A purged message keeps its id and is still found by it, in folders that are not read.
      recoverable ??= await learnRecoverable(mailbox, signal)
      return recoverable.has(folder) ? undefined : presentMessage(message, folder)
    } catch (error) {
      if (hasCode(error, 'ItemGone')) return undefined
      throw error
    }
  }

  return { read }
}
