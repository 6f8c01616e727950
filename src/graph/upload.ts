/**
 * Sends a file's bytes to an upload session, piece after piece.
 *
 * A session's address lets in whoever has it: it gets no token, and no error names it. Nothing is
 * in the drive before the last byte. What became of a piece whose answer is lost is asked of the
 * session itself; only the last one cannot be asked about, because the session is over then as
 * well as when it never arrived: that is `AnswerLost`.
 */
import { AppError, hasCode } from '../model/errors.ts'
import type { Clock } from '../ports.ts'
import { isObject, type JsonObject, parseAnswer, textOf } from './json.ts'
import type { SharePoint } from './sharepoint.ts'

/** Each piece but the last one is a multiple of this. */
const PIECE_UNIT_BYTES = 320 * 1024
/** The service takes less than 60 MiB and recommends 5 to 10. */
export const UPLOAD_PIECE_BYTES = 32 * PIECE_UNIT_BYTES
/** A session may be unknown for a moment after it was made (7.19). */
const FRESH_TRIES_MAX = 4
const FRESH_WAIT_MS = 5_000

export interface UploadSession {
  calls: SharePoint
  clock: Clock
  /** A secret (P9). */
  address: string
  /** Bytes of the whole file. */
  total: number
  signal: AbortSignal
}

export interface Piece {
  offset: number
  bytes: Uint8Array<ArrayBuffer>
  /** The session was made just now, and nothing was sent to it. */
  isFresh: boolean
}

export type UploadState =
  /** The service has everything before this offset. */
  | { state: 'more'; offset: number }
  | { state: 'done'; item: JsonObject }
  /** The session is over, and the file was not made by it. */
  | { state: 'lost' }

/**
 * Sends one piece. Throws `AnswerLost` where the last one may have arrived, `NameTaken`,
 * `QuotaExceeded`, and what the client throws.
 */
export async function sendPiece(session: UploadSession, piece: Piece): Promise<UploadState> {
  const { clock, signal } = session
  for (let tries = 1; ; tries += 1) {
    try {
      return stateOf(await put(session, piece), piece)
    } catch (error) {
      if (hasCode(error, 'ItemGone') && piece.isFresh && tries < FRESH_TRIES_MAX) {
        await clock.sleep(FRESH_WAIT_MS, signal)
        continue
      }
      return await afterFailure(session, piece, error)
    }
  }
}

/** Where the session stands. `lost` also after its last byte has arrived. */
export async function askUpload(session: UploadSession): Promise<UploadState> {
  const { calls, address, signal } = session
  const name = 'upload.status'
  try {
    const response = await calls.sendTo({ name, address, charge: 'item' }, signal)
    const offset = nextOffset(parseAnswer(await response.text(), name))
    return offset === undefined ? { state: 'lost' } : { state: 'more', offset }
  } catch (error) {
    if (isOver(error)) return { state: 'lost' }
    throw error
  }
}

function put(session: UploadSession, { offset, bytes }: Piece): Promise<Response> {
  const { calls, address, total, signal } = session
  const range = `bytes ${offset}-${offset + bytes.byteLength - 1}/${total}`
  const headers = { 'Content-Range': range, 'Content-Type': 'application/octet-stream' }
  const name = 'upload.piece'
  return calls.sendTo(
    { name, method: 'PUT', address, headers, body: bytes, charge: 'write' },
    signal,
  )
}

async function stateOf(response: Response, piece: Piece): Promise<UploadState> {
  const text = await response.text()
  if (response.status === 202) {
    const end = piece.offset + piece.bytes.byteLength
    return { state: 'more', offset: nextOffset(parsed(text)) ?? end }
  }
  const item = parsed(text)
  // It was made, but the answer that names it cannot be read.
  if (item === undefined || textOf(item, 'id') === undefined) throw lastAnswerLost()
  return { state: 'done', item }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // The caller knows what the status alone means.
    return undefined
  }
}

async function afterFailure(
  session: UploadSession,
  piece: Piece,
  error: unknown,
): Promise<UploadState> {
  if (!(error instanceof AppError)) throw error
  if (isOver(error)) return { state: 'lost' }
  if (error.code === 'Conflict') throw nameTaken(error)
  const isUnknown = error.code === 'AnswerLost' || error.context['status'] === 416
  if (!isUnknown) throw error
  const now = await askUpload(session)
  if (now.state !== 'lost') return now
  const isLast = piece.offset + piece.bytes.byteLength === session.total
  if (isLast) throw lastAnswerLost()
  return now
}

/** 404, 410 and 401: the session is used up, cancelled or too old. */
function isOver(error: unknown): boolean {
  return ['ItemGone', 'ResyncNeeded', 'SignInRefused'].some((code) => hasCode(error, code))
}

/** The begin of the first range that the service misses: `["26214400-"]`. */
function nextOffset(answer: JsonObject | undefined): number | undefined {
  const ranges = answer?.['nextExpectedRanges']
  const [first] = Array.isArray(ranges) ? ranges : []
  const [, start] = typeof first === 'string' ? (/^(\d{1,15})-/.exec(first) ?? []) : []
  return start === undefined ? undefined : Number(start)
}

function lastAnswerLost(): AppError {
  return new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: 'The last piece of a file was sent, and it is not known whether it arrived.',
    hint: 'Nothing to do: Holdfast looks for what was made before it goes on.',
  })
}

function nameTaken(cause: AppError): AppError {
  return new AppError({
    code: 'NameTaken',
    kind: 'denied',
    message: 'Something of this name came into the folder while the file was sent.',
    hint: 'Plan the restore again: it will find another name.',
    cause,
  })
}
