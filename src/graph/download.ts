/**
 * Reads a file's content to its end: over broken bodies, and over addresses whose time is over.
 *
 * The bytes come in order, each once, as fast as they are taken, in constant memory. A body that
 * breaks is gone on with by `Range`; where the service ignores that and sends the whole, what is
 * known already is skipped. The length that the service announces is held to; bytes of another
 * state of the file (another ETag, another length) are never put behind those of the first one.
 * What an error's body says is never content: only 200 and 206 are read, and JSON or HTML that
 * nobody expects is a refusal as well.
 */
import { AppError, hasCode } from '../model/errors.ts'

/** Bodies in a row that break before they bring anything new. */
const STALLS_MAX = 4
/** Whatever its progress, one reading ends somewhere. */
const TRIES_MAX = 10_000

/** What a refused address is answered with; the codes that errors.ts makes of 401, 403, 404, 410. */
const REFUSED = ['SignInRefused', 'AccessDenied', 'ItemGone', 'ResyncNeeded', 'NotContent']

export interface DownloadSource {
  /** Asks for the content with these headers. Throws what the client throws. */
  open(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response>
  /**
   * The address was refused: gets a fresh one. Throws where the file is gone or another one now.
   * Absent: the source has no address whose time could be over.
   */
  renew?(signal: AbortSignal): Promise<void>
}

export interface DownloadOptions {
  /** Names the call in errors. */
  call: string
  source: DownloadSource
  /** Where reading goes on, and how long the whole was when it began. */
  from?: { offset: number; total: number }
  /** Told the length of the whole as soon as it is announced. */
  onTotal?: (total: number) => void
  /** The media type that the file has; JSON and HTML are taken for content only under it. */
  mediaType?: string
  signal: AbortSignal
}

interface State {
  /** Bytes that were handed on, and what stands before them. */
  at: number
  /** Length of the whole, as it was announced first. */
  total: number | undefined
  /** ETag of the first answer. */
  tag: string | undefined
}

/** Throws `ContentBroken` where it cannot be read whole, `ContentChanged` where it changed. */
export async function* download(options: DownloadOptions): AsyncGenerator<Uint8Array> {
  const { call, from, signal } = options
  const state: State = { at: from?.offset ?? 0, total: from?.total, tag: undefined }
  const open = opener(options, state)
  for (let tries = 0, stalls = 0; tries < TRIES_MAX && stalls < STALLS_MAX; tries += 1) {
    if (state.at > 0 && state.at === state.total) return
    const before = state.at
    const { response, known } = await open()
    try {
      for await (const bytes of piecesOf(response, known)) {
        state.at += bytes.byteLength
        yield bytes
      }
      if (isWhole(state, call)) return
    } catch (error) {
      if (signal.aborted || !hasCode(error, 'GraphUnavailable')) throw error
    }
    stalls = state.at > before ? 0 : stalls + 1
  }
  throw contentBroken(call, 'breaks off, however often it is asked for')
}

function isWhole({ at, total }: State, call: string): boolean {
  if (total !== undefined && at > total) {
    throw contentBroken(call, 'is longer than it was announced')
  }
  return total === undefined || at === total
}

interface Opened {
  response: Response
  /** Bytes at the beginning of the body that were handed on before. */
  known: number
}

/** Opens the content where reading stands, at a fresh address where the one before is refused. */
function opener(options: DownloadOptions, state: State): () => Promise<Opened> {
  const { call, source, signal } = options
  let refusedAt = -1

  async function ask(): Promise<Opened> {
    const response = await source.open(headersFrom(state.at), signal)
    try {
      return { response, known: beginningOf(response, options, state) }
    } catch (error) {
      // A body that nobody reads would keep its slot.
      await response.body?.cancel()
      throw error
    }
  }

  return async () => {
    // Once for each place: a fresh address that is refused there too is no question of time.
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (state.at > 0 && isPastEnd(error)) throw contentChanged(call)
        if (source.renew === undefined || !isRefusal(error)) throw error
        if (refusedAt === state.at) throw lastRefusal(error, call)
        refusedAt = state.at
        await source.renew(signal)
      }
    }
  }
}

function headersFrom(at: number): Record<string, string> {
  // Compressed bodies have other offsets than files.
  const plain = { Accept: '*/*', 'Accept-Encoding': 'identity' }
  return at === 0 ? plain : { ...plain, Range: `bytes=${at}-` }
}

/** Checks the head of an answer; says how many bytes of its body are known already. */
function beginningOf(response: Response, options: DownloadOptions, state: State): number {
  const { call } = options
  const { status, headers } = response
  if (status !== 200 && status !== 206) throw contentBroken(call, `is answered with ${status}`)
  if (isForeign(headers.get('content-type'), options.mediaType)) throw notContent(call)
  const begins = status === 206 ? startOf(headers.get('content-range')) : 0
  if (begins === undefined || begins > state.at) {
    throw contentBroken(call, 'begins at another place than was asked for')
  }
  const total = totalOf(response)
  const tag = headers.get('etag') ?? undefined
  if (differs(state.total, total) || differs(state.tag, tag)) throw contentChanged(call)
  if (total !== undefined) options.onTotal?.(total)
  state.total ??= total
  state.tag ??= tag
  return state.at - begins
}

function differs<T>(before: T | undefined, now: T | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now
}

const RANGE = /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(\d{1,15}|\*)$/i

function startOf(range: string | null): number | undefined {
  const [, start] = RANGE.exec(range ?? '') ?? []
  return start === undefined ? undefined : Number(start)
}

/** Bytes of the whole file, where the answer says so. */
function totalOf({ status, headers }: Response): number | undefined {
  const [, , ranged] = RANGE.exec(headers.get('content-range') ?? '') ?? []
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  const said = status === 206 ? ranged : isPlain ? headers.get('content-length') : null
  return said != null && /^\d{1,15}$/.test(said) ? Number(said) : undefined
}

/** An error that comes as a success (7.20), or a page that asks people to sign in. */
function isForeign(said: string | null, expected: string | undefined): boolean {
  const [type = ''] = (said ?? '').toLowerCase().split(';')
  const isSuspect = type.trim() === 'application/json' || type.trim() === 'text/html'
  return isSuspect && expected?.toLowerCase().split(';')[0]?.trim() !== type.trim()
}

async function* piecesOf(response: Response, skip: number): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  let known = skip
  for await (const bytes of response.body) {
    const fresh = bytes.subarray(Math.min(known, bytes.byteLength))
    known -= bytes.byteLength - fresh.byteLength
    if (fresh.byteLength > 0) yield fresh
  }
}

function isPastEnd(error: unknown): boolean {
  return error instanceof AppError && error.context['status'] === 416
}

function isRefusal(error: unknown): boolean {
  return REFUSED.some((code) => hasCode(error, code))
}

/** A plain 403 may mean what it says; the other answers speak of the address alone. */
function lastRefusal(error: unknown, call: string): unknown {
  if (hasCode(error, 'AccessDenied')) return error
  return contentBroken(call, 'is refused, also at a fresh address')
}

function notContent(call: string): AppError {
  return new AppError({
    code: 'NotContent',
    kind: 'transient',
    message: `The answer to ${call} is not the content that was asked for.`,
    hint: 'Nothing to do: Holdfast asks for a fresh address.',
    context: { call },
  })
}

/** `problem` goes on "The content of a file ...". */
export function contentBroken(call: string, problem: string): AppError {
  return new AppError({
    code: 'ContentBroken',
    kind: 'transient',
    message: `The content of a file ${problem} (${call}).`,
    hint: 'Nothing to do: the item goes to the ledger and is tried again.',
    context: { call },
  })
}

/** What was read so far is of another state than what would follow. */
export function contentChanged(call: string): AppError {
  return new AppError({
    code: 'ContentChanged',
    kind: 'transient',
    message: `A file changed while its content was read (${call}).`,
    hint: 'Nothing to do: it is read again from its beginning.',
    context: { call },
  })
}
