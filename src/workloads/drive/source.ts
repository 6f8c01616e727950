/**
 * Where a file's bytes come from: its download address, or the override for malware.
 *
 * An address comes with the page or, once it is used up or its time is over, with the item, which
 * is read again for it. What is then another state of the file is never read on.
 */
import {
  contentBroken,
  contentChanged,
  type DownloadSource,
  type JsonObject,
  type SharePoint,
  textOf,
} from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Addresses } from './addresses.ts'
import { itemAddressOf } from './ids.ts'
import { readItem } from './item.ts'
import { DOWNLOAD_URL } from './present.ts'

export const DOWNLOAD_CALL = 'items.download'

export interface FileState {
  id: GraphId
  /** Of the state that is read. */
  eTag: string
}

/** The item as it is now. Throws `ItemGone`, and `ContentChanged` where its ETag is another. */
export async function readUnchanged(
  sharePoint: SharePoint,
  file: FileState,
  signal: AbortSignal,
): Promise<JsonObject> {
  const now = await readItem(sharePoint, itemAddressOf(file.id), signal)
  if (now === undefined) throw itemGone()
  if ((textOf(now, 'eTag') ?? '') !== file.eTag) throw contentChanged(DOWNLOAD_CALL)
  return now
}

function itemGone(): AppError {
  return new AppError({
    code: 'ItemGone',
    kind: 'permanent',
    message: 'The file is no longer there.',
    hint: 'Nothing to do: it was deleted or moved.',
    context: { call: DOWNLOAD_CALL, scope: 'item' },
  })
}

export function sourceOf(
  sharePoint: SharePoint,
  addresses: Addresses,
  file: FileState,
): DownloadSource {
  let address = addresses.take(file.id, file.eTag)

  async function renew(signal: AbortSignal): Promise<string> {
    const now = await readUnchanged(sharePoint, file, signal)
    address = textOf(now, DOWNLOAD_URL)
    if (address === undefined) throw contentBroken(DOWNLOAD_CALL, 'has no address')
    return address
  }

  return {
    open: async (headers, signal) =>
      sharePoint.sendTo(
        {
          name: DOWNLOAD_CALL,
          address: address ?? (await renew(signal)),
          charge: 'download',
          headers,
          answer: 'streamed',
        },
        signal,
      ),
    async renew(signal) {
      await renew(signal)
    },
  }
}

/** Through beta, which alone hands out what the service takes for malware (facts 3.7). */
export function infectedSourceOf(sharePoint: SharePoint, { id }: FileState): DownloadSource {
  const { drive, item } = itemAddressOf(id)
  return {
    open: (headers, signal) =>
      sharePoint.send(
        {
          name: 'items.contentStream',
          version: 'beta',
          path: ['drives', drive, 'items', item, 'contentStream'],
          charge: 'download',
          headers: { ...headers, Prefer: 'forceInfectedDownload' },
          answer: 'streamed',
        },
        signal,
      ),
  }
}
