/**
 * Reads the bodies of answers: whole, or ahead and then as they arrive.
 *
 * Reading ahead makes most messages one finished answer: their slot is free before anybody
 * consumes them, and a connection that breaks in the middle is just another attempt.
 */

/** Bytes of a streamed answer that are read inside the attempt. */
export const READ_AHEAD_BYTES = 1024 * 1024
/** A buffered answer that is longer is cut off as unreadable: smaller pages must be asked for. */
export const BUFFERED_MAX_BYTES = 128 * 1024 * 1024
/** What is read of an answer that is not a success. */
const FAILURE_MAX_BYTES = 64 * 1024

type ByteReader = ReadableStreamDefaultReader<Uint8Array>

export interface Head {
  chunks: Uint8Array<ArrayBuffer>[]
  bytes: number
  /** The rest, where the body is longer than what was asked for. */
  rest: ByteReader | undefined
}

/** Reads until the end, or until at least `limitBytes` are there. */
export async function readHead(response: Response, limitBytes: number): Promise<Head> {
  const head: Head = { chunks: [], bytes: 0, rest: undefined }
  if (response.body === null) return head
  const reader: ByteReader = response.body.getReader()
  while (head.bytes < limitBytes) {
    const { done, value } = await reader.read()
    if (done) return head
    head.chunks.push(new Uint8Array(value))
    head.bytes += value.byteLength
  }
  return { ...head, rest: reader }
}

/** The beginning of an error's body; what follows is dropped. */
export async function readFailureText(response: Response): Promise<string> {
  const head = await readHead(response, FAILURE_MAX_BYTES)
  await head.rest?.cancel()
  return Buffer.concat(head.chunks).toString('utf8')
}

/** The same answer with a body that is all there. */
export function buffered(response: Response, chunks: readonly Uint8Array[]): Response {
  const { status, headers } = response
  const body = chunks.length === 0 ? null : Buffer.concat(chunks)
  return new Response(body, { status, headers })
}

export interface Streamed {
  response: Response
  ended: Promise<void>
}

/**
 * The same answer with a body of what was read ahead and what follows. `ended` resolves when it
 * was read to its end, was given up, broke, or the signal fired, whichever comes first; it never
 * rejects. `translate` makes our error of one that broke the stream.
 */
export function streamed(
  response: Response,
  head: Head & { rest: ByteReader },
  signal: AbortSignal,
  translate: (error: unknown) => unknown,
): Streamed {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const end = (): void => {
    signal.removeEventListener('abort', end)
    resolve()
  }
  // Whoever never reads the body keeps its slot until the slice ends, and no longer.
  signal.addEventListener('abort', end)
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of head.chunks) controller.enqueue(chunk)
    },
    async pull(controller) {
      try {
        const { done, value } = await head.rest.read()
        if (!done) {
          controller.enqueue(new Uint8Array(value))
          return
        }
        end()
        controller.close()
      } catch (error) {
        end()
        controller.error(translate(error))
      }
    },
    async cancel() {
      end()
      await head.rest.cancel()
    },
  })
  const { status, headers } = response
  return { response: new Response(body, { status, headers }), ended }
}
