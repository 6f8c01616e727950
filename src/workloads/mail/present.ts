/**
 * One message of a restore's target as it is now: where it stands, and by what to tell changes.
 */
import { type JsonObject, type Mailbox, textOf } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { PresentItem, StreamWriter } from '../workload.ts'
import { MESSAGE_QUERIES } from './changes.ts'
import { learnRecoverable } from './folders.ts'
import { messageMarker } from './markers.ts'
import { readMessage } from './read-message.ts'

interface Bins {
  /** What users cannot see any more. */
  recoverable: ReadonlySet<string>
  deletedItems: GraphId | undefined
}

/** Learns, once, the folders that hold what was deleted: five requests. */
export function createPresentReader(mailbox: Mailbox): StreamWriter['present'] {
  let bins: Bins | undefined

  return async (id, signal): Promise<PresentItem | undefined> => {
    const message = await read(mailbox, id, signal)
    if (message === undefined) return undefined
    bins ??= {
      recoverable: await learnRecoverable(mailbox, signal),
      deletedItems: await deletedItems(mailbox, signal),
    }
    const container = (textOf(message, 'parentFolderId') ?? '') as GraphId
    // A purged message keeps its id and is still found by it.
    if (bins.recoverable.has(container)) return undefined
    return {
      container,
      marker: messageMarker(message),
      discarded: container === bins.deletedItems,
      shownWhole: hasNoAttachments(message),
    }
  }
}

/**
 * With the names of the attachments, or not at all: without them the marker would differ from
 * that of the same message in the backup.
 */
async function read(
  mailbox: Mailbox,
  id: GraphId,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const query = MESSAGE_QUERIES.expanded
  try {
    return await readMessage({ mailbox, name: 'messages.present', id, query, signal })
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}

/** Inline files do not count in `hasAttachments`, so only an empty list says it. */
function hasNoAttachments({ attachments }: JsonObject): boolean {
  return Array.isArray(attachments) && attachments.length === 0
}

async function deletedItems(mailbox: Mailbox, signal: AbortSignal): Promise<GraphId | undefined> {
  const path = ['mailFolders', 'deleteditems']
  const request = { name: 'mailFolders.get', path, query: { $select: 'id' } }
  try {
    return textOf(await mailbox.json(request, signal), 'id') as GraphId | undefined
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}
