/**
 * The published signing keys of the authority, and the issuer that its metadata names.
 *
 * Both are read from the tenant's OpenID metadata and kept for an hour. A key id that is not
 * among them makes us look again, at most once a minute, so that a stranger who invents key ids
 * cannot turn us against the authority. While the authority does not answer, the keys that we
 * hold serve for at most a day; after that nobody is let in. Not here: judging a token.
 */
import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'

/** Keys younger than this are used without asking again. */
const FRESH_MS = 60 * 60_000
/** Keys older than this are never used. */
const STALE_MS = 24 * 60 * 60_000
/** The pause between two looks for an unknown key id. */
const UNKNOWN_KEY_PAUSE_MS = 60_000
/** The pause after a look that failed. */
const FAILED_PAUSE_MS = 5_000
const FETCH_MS_MAX = 5_000
const DOCUMENT_BYTES_MAX = 256 * 1024
const KEYS_MAX = 100

export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>

export interface Authority {
  issuer: string
  keys: JSONWebKeySet
}

export interface SigningKeys {
  /** Throws `AuthorityUnavailable` where there are no usable keys. */
  current(): Promise<Authority>
  /**
   * After a key id was not found in `seen`: newer keys, or `seen` itself where there are none
   * or it is too early to ask again.
   */
  newer(seen: Authority): Promise<Authority>
}

const metadataSchema = z.object({ issuer: z.string().min(1), jwks_uri: z.url() })
const keySetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string() })).max(KEYS_MAX),
})

export function signingKeys(options: {
  metadataUrl: string
  fetch: Fetch
  clock: Pick<Clock, 'now'>
}): SigningKeys {
  const { clock } = options
  let held: { authority: Authority; at: number } | undefined
  let lastFailureAt = Number.NEGATIVE_INFINITY
  let loading: Promise<Authority> | undefined

  async function load(): Promise<Authority> {
    try {
      const authority = await readAuthority(options.metadataUrl, options.fetch)
      held = { authority, at: clock.now() }
      return authority
    } catch (error) {
      lastFailureAt = clock.now()
      throw error
    }
  }

  /** One look at a time, whoever asks. */
  function loadOnce(): Promise<Authority> {
    loading ??= load().finally(() => {
      loading = undefined
    })
    return loading
  }

  function usable(): Authority | undefined {
    return held !== undefined && clock.now() - held.at < STALE_MS ? held.authority : undefined
  }

  async function refreshed(): Promise<Authority> {
    const old = usable()
    if (clock.now() - lastFailureAt < FAILED_PAUSE_MS) return old ?? unavailable()
    if (old === undefined) return loadOnce()
    return loadOnce().catch((error: unknown) => {
      // Keys that are hours old are better than an API that is closed while Entra is away.
      if (error instanceof AppError && error.code === 'AuthorityUnavailable') return old
      throw error
    })
  }

  return {
    async current() {
      if (held !== undefined && clock.now() - held.at < FRESH_MS) return held.authority
      return refreshed()
    },
    async newer(seen) {
      if (held === undefined) return refreshed()
      if (held.authority !== seen) return held.authority
      if (clock.now() - held.at < UNKNOWN_KEY_PAUSE_MS) return seen
      return refreshed()
    },
  }
}

async function readAuthority(metadataUrl: string, fetch: Fetch): Promise<Authority> {
  const metadata = metadataSchema.safeParse(await readJson(metadataUrl, fetch))
  if (!metadata.success) return unavailable(metadata.error)
  const { issuer, jwks_uri: keysUrl } = metadata.data
  if (new URL(keysUrl).protocol !== new URL(metadataUrl).protocol) {
    // Metadata read over https must not send us to keys that anybody on the wire can change.
    return unavailable()
  }
  const keys = keySetSchema.safeParse(await readJson(keysUrl, fetch))
  if (!keys.success) return unavailable(keys.error)
  return { issuer, keys: keys.data }
}

async function readJson(url: string, fetch: Fetch): Promise<unknown> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) })
    const text = await boundedText(answer)
    return answer.ok ? JSON.parse(text) : unavailable()
  } catch (cause) {
    return unavailable(cause)
  }
}

async function boundedText(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of answer.body ?? []) {
    bytes += piece.length
    if (bytes > DOCUMENT_BYTES_MAX) return unavailable()
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function unavailable(cause?: unknown): never {
  throw new AppError({
    code: 'AuthorityUnavailable',
    kind: 'transient',
    message: 'The signing keys of the sign-in authority could not be read.',
    hint: 'Try again in a moment; if it stays so, check HOLDFAST_AUTHORITY_URL and the network.',
    retryAfterMs: FAILED_PAUSE_MS,
    ...(cause === undefined ? {} : { cause }),
  })
}
