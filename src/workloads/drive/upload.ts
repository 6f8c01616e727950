/**
 * Uploads one file through a session, over as many slices as it takes.
 *
 * Where a session stands is asked of the service, so a lost answer or a killed worker costs one
 * piece at most. What is kept after each piece is the session's address alone; a session that is
 * lost is begun anew. Nothing is in the drive before the last byte.
 */
import {
  askUpload,
  type JsonObject,
  sendPiece,
  UPLOAD_PIECE_BYTES,
  type UploadSession,
} from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { Creation, HeldStream } from '../workload.ts'
import type { TargetSite } from './site.ts'

/** Sessions of one file in one slice that are lost on the way. */
const SESSIONS_MAX = 3
/** Pieces in a row after which the service is no further. */
const STALLS_MAX = 5
const VERSION = 1

export interface FileUpload {
  target: TargetSite
  content: HeldStream
  /** Makes a session: its address. */
  begin(): Promise<string>
  creation: Pick<Creation, 'upload' | 'keep' | 'goesOn'>
  signal: AbortSignal
}

export type Uploaded = { state: 'done'; item: JsonObject } | { state: 'paused' }

type Sent = Uploaded | { state: 'lost' }

/** Throws what `sendPiece` and `begin` throw, and `UploadLost`. */
export async function uploadFile(upload: FileUpload): Promise<Uploaded> {
  const resumed = await resume(upload)
  if (resumed !== undefined && resumed.state !== 'lost') return resumed
  for (let n = 0; n < SESSIONS_MAX; n += 1) {
    const session = sessionAt(upload, await upload.begin())
    const sent = await sendFrom(upload, session, { offset: 0, isFresh: true })
    if (sent.state !== 'lost') return sent
  }
  throw new AppError({
    code: 'UploadLost',
    kind: 'transient',
    message: 'The service forgot the upload of a file again and again.',
    hint: 'Nothing to do: Holdfast begins it anew later.',
  })
}

async function resume(upload: FileUpload): Promise<Sent | undefined> {
  const address = readUpload(upload.creation.upload, upload.content.bytes)
  if (address === undefined) return undefined
  const session = sessionAt(upload, address)
  const now = await askUpload(session)
  if (now.state !== 'more') return now
  return sendFrom(upload, session, { offset: now.offset, isFresh: false })
}

function sessionAt({ target, content, signal }: FileUpload, address: string): UploadSession {
  const { sharePoint, clock } = target
  return { calls: sharePoint, clock, address, total: content.bytes, signal }
}

async function sendFrom(
  upload: FileUpload,
  session: UploadSession,
  from: { offset: number; isFresh: boolean },
): Promise<Sent> {
  let { offset, isFresh } = from
  for (let stalls = 0; stalls < STALLS_MAX; ) {
    const before = offset
    for await (const bytes of pieces(heldBytes(upload, offset))) {
      const sent = await sendOne(upload, session, { offset, bytes, isFresh })
      if (sent.state !== 'more') return sent
      isFresh = false
      const isInStep = sent.offset === offset + bytes.byteLength
      offset = sent.offset
      // The service is elsewhere than we thought: it is read from there.
      if (!isInStep) break
    }
    stalls = offset > before ? 0 : stalls + 1
  }
  return { state: 'lost' }
}

async function sendOne(
  { creation, signal }: FileUpload,
  session: UploadSession,
  piece: { offset: number; bytes: Uint8Array<ArrayBuffer>; isFresh: boolean },
): Promise<Sent | { state: 'more'; offset: number }> {
  if (!creation.goesOn()) return { state: 'paused' }
  try {
    const sent = await sendPiece(session, piece)
    if (sent.state === 'more') await creation.keep(writeUpload(session))
    return sent
  } catch (error) {
    const isLast = piece.offset + piece.bytes.byteLength === session.total
    // The slice ended meanwhile. Without the last byte nothing was made, whatever arrived.
    if (signal.aborted && !isLast && error instanceof AppError) return { state: 'paused' }
    throw error
  }
}

/**
 * The same bytes in pieces of the size that the service wants. The last one is handed on when the
 * source has come to its end, and so has been checked as a whole.
 */
async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let full: Uint8Array<ArrayBuffer> | undefined
  let piece = new Uint8Array(UPLOAD_PIECE_BYTES)
  let filled = 0
  for await (const bytes of source) {
    for (let at = 0; at < bytes.byteLength; ) {
      if (full !== undefined) yield full
      full = undefined
      const part = bytes.subarray(at, at + UPLOAD_PIECE_BYTES - filled)
      piece.set(part, filled)
      filled += part.byteLength
      at += part.byteLength
      if (filled < UPLOAD_PIECE_BYTES) continue
      full = piece
      // Whoever sent the one before may still hold it.
      piece = new Uint8Array(UPLOAD_PIECE_BYTES)
      filled = 0
    }
  }
  if (full !== undefined) yield full
  if (filled > 0) yield piece.subarray(0, filled)
}

/** Damage of what is held: it is found before the last byte is sent, so nothing was made. */
async function* heldBytes(
  { content, signal }: FileUpload,
  offset: number,
): AsyncGenerator<Uint8Array> {
  try {
    yield* content.read(offset, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    const { code, message, hint, context } = error
    const told = hint === undefined ? { code, message } : { code, message, hint }
    throw new AppError({ ...told, kind: 'permanent', context, cause: error })
  }
}

function writeUpload({ address, total }: UploadSession): string {
  return JSON.stringify({ v: VERSION, address, total })
}

/** The address, if the text is one of ours and of a file of this length. */
function readUpload(text: string | undefined, total: number): string | undefined {
  if (text === undefined) return undefined
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { v, address, total: length } = { v: 0, address: '', total: 0, ...parsed }
  return v === VERSION && length === total && typeof address === 'string' ? address : undefined
}
