/**
 * What SharePoint does to Office files and to no others: it writes properties of its own into what
 * is uploaded, and sometimes does not find what is there (facts/graph.md 7, nos. 16, 17).
 */
import type { DriveItem } from '../../drive-model.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { notFound } from './refusals.ts'

const OFFICE_ENDING = /\.(?:docx|xlsx|pptx)$/i

export function isOfficeFile(name: string): boolean {
  return OFFICE_ENDING.test(name)
}

/** To be called before a file is replaced or deleted. */
export function checkWritable({ settings, trouble }: TenantState, item: DriveItem): void {
  if (item.kind !== 'file' || !isOfficeFile(item.name)) return
  if (trouble.happens(settings.lostOfficeFiles, 'office', item.id)) throw notFound()
}

/** Ends a zip archive that has no comment of its own. */
const ARCHIVE_END = Buffer.from('504b0506', 'hex')
const ARCHIVE_END_BYTES = 22
const PROPERTIES = Buffer.from('SharePoint: ContentTypeId=0x0101; _dlc_DocId=SANDBOX-1-1')

/**
 * Adds a few bytes of properties at the end of a file that comes piece by piece. In a zip archive
 * they become its comment, so that it still opens.
 */
export class OfficeRewriter {
  #tail: Buffer = Buffer.alloc(0)

  /** What of the bytes so far is certain. */
  add(bytes: Uint8Array): Uint8Array {
    const all = Buffer.concat([this.#tail, bytes])
    const certain = Math.max(0, all.length - ARCHIVE_END_BYTES)
    this.#tail = Buffer.from(all.subarray(certain))
    return all.subarray(0, certain)
  }

  /** The rest. */
  end(): Uint8Array {
    const tail = this.#tail
    const isArchive =
      tail.length === ARCHIVE_END_BYTES &&
      tail.subarray(0, ARCHIVE_END.length).equals(ARCHIVE_END) &&
      tail.readUInt16LE(ARCHIVE_END_BYTES - 2) === 0
    if (isArchive) tail.writeUInt16LE(PROPERTIES.length, ARCHIVE_END_BYTES - 2)
    return Buffer.concat([tail, PROPERTIES])
  }
}
