/**
 * Where a file's bytes come from: its download address, the override for malware, or what an
 * earlier version redirects to.
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
import type { Present } from '../workload.ts'
import type { Addresses } from './addresses.ts'
import { isInfected } from './facets.ts'
import { addressOf, itemAddressOf } from './ids.ts'
import { readItem } from './item.ts'
import { DOWNLOAD_URL, jsonOf } from './present.ts'

export const DOWNLOAD_CALL = 'items.download'

/** What is fetched, and how it is told that it is still what was listed. */
export interface Original {
  source: DownloadSource
  /** The item as it is now. Throws `ItemGone`, and `ContentChanged` where it is another state. */
  stillThere(signal: AbortSignal): Promise<void>
}

export interface SourceOptions {
  sharePoint: SharePoint
  addresses: Addresses
}

export function originalOf(options: SourceOptions, item: Present): Original {
  const { sharePoint, addresses } = options
  const file = { id: item.id, eTag: item.marker.change }
  // A version never changes; where it is gone its address says so.
  if (addressOf(item.id).version !== undefined) {
    return { source: versionSourceOf(sharePoint, item.id), stillThere: async () => undefined }
  }
  return {
    source: isInfected(jsonOf(item))
      ? infectedSourceOf(sharePoint, item.id)
      : sourceOf(sharePoint, addresses, file),
    stillThere: async (signal) => {
      addresses.learn(item.id, await readUnchanged(sharePoint, file, signal))
    },
  }
}

interface FileState {
  id: GraphId
  /** Of the state that is read. */
  eTag: string
}

async function readUnchanged(
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

function sourceOf(sharePoint: SharePoint, addresses: Addresses, file: FileState): DownloadSource {
  return addressed(sharePoint, async (signal) => {
    const kept = addresses.take(file.id, file.eTag)
    if (kept !== undefined) return kept
    const now = await readUnchanged(sharePoint, file, signal)
    const address = textOf(now, DOWNLOAD_URL)
    if (address === undefined) throw contentBroken(DOWNLOAD_CALL, 'has no address')
    return address
  })
}

function versionSourceOf(sharePoint: SharePoint, id: GraphId): DownloadSource {
  const { drive, item, version = '' } = itemAddressOf(id)
  const path = ['drives', drive, 'items', item, 'versions', version, 'content']
  return addressed(sharePoint, (signal) =>
    sharePoint.addressOf({ name: 'versions.content', path, charge: 'item' }, signal),
  )
}

/** `ask` gives an address where there is none yet, or its time is over. */
function addressed(
  sharePoint: SharePoint,
  ask: (signal: AbortSignal) => Promise<string>,
): DownloadSource {
  let address: string | undefined

  async function renew(signal: AbortSignal): Promise<string> {
    address = await ask(signal)
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
function infectedSourceOf(sharePoint: SharePoint, id: GraphId): DownloadSource {
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
