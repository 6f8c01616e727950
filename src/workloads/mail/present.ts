/**
 * One message of a restore's target as it is now: where it stands, and by what to tell changes.
 */
import { isObject, type Mailbox, textOf } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { PresentItem, StreamWriter } from '../workload.ts'
import { createItemReader } from './item.ts'

/** Learns, once, the folders that hold what was deleted: about five requests. */
export function createPresentReader(mailbox: Mailbox): StreamWriter['present'] {
  const items = createItemReader(mailbox)
  let bin: { id: string | undefined } | undefined

  return async (id, signal): Promise<PresentItem | undefined> => {
    const message = await items.read(id, signal)
    if (message === undefined) return undefined
    bin ??= { id: await deletedItems(mailbox, signal) }
    const { marker, place, json } = message
    const { container } = place
    return {
      container,
      marker,
      discarded: container === bin.id,
      shownWhole: hasNoAttachments(json),
    }
  }
}

/** Inline files do not count in `hasAttachments`, so only an empty list says it. */
function hasNoAttachments(json: unknown): boolean {
  if (!isObject(json)) return false
  const { attachments } = json
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
