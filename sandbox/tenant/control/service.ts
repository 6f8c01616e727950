/**
 * The control interface over HTTP: `POST /control/<operation>` with a JSON object, on a port of
 * its own that listens on loopback only. 400 for an input or a name that is wrong.
 */
import { z } from 'zod'
import type { Answer, Call } from '../http.ts'
import { ControlError } from './operation.ts'
import type { Operations } from './operations.ts'

/** Deliveries may carry whole messages. */
const CONTROL_BYTES_MAX = 256 * 1024 * 1024

interface AnyOperation {
  readonly schema: z.ZodType
  run(input: unknown): unknown
}

export function createControl(operations: Operations): (call: Call) => Promise<Answer> {
  const byName = new Map(Object.entries(operations) as unknown as [string, AnyOperation][])
  return async (call) => {
    const name = /^\/control\/(\w+)$/.exec(call.rawPath)?.[1]
    const found = name === undefined ? undefined : byName.get(name)
    if (!found) return refusal(404, `there is no operation at ${call.rawPath}`)
    if (call.method !== 'POST') return refusal(405, 'operations are called by POST')
    try {
      const bytes = await call.readBody(CONTROL_BYTES_MAX)
      const json: unknown = bytes.length === 0 ? {} : JSON.parse(bytes.toString())
      const output = await found.run(found.schema.parse(json))
      return { status: 200, body: output as object }
    } catch (error) {
      if (error instanceof z.ZodError) return refusal(400, z.prettifyError(error))
      if (error instanceof ControlError || error instanceof SyntaxError) {
        return refusal(400, error.message)
      }
      throw error
    }
  }
}

function refusal(status: number, message: string): Answer {
  return { status, body: { error: message } }
}
