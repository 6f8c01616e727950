/** Control operations on faults: see `faults.ts` for what they do and `fault-kinds.ts` for how. */
import { z } from 'zod'
import { DOWNLOAD_FAULT_KINDS, FAULT_KINDS } from '../fault-kinds.ts'
import type { FaultBoard, FaultSpec } from '../faults.ts'
import { defined } from './defined.ts'
import { ControlError, operation } from './operation.ts'

const Nothing = z.strictObject({})

const Fault = z
  .strictObject({
    method: z.string().optional(),
    path: z.string().refine(isPattern, 'not a regular expression'),
    app: z.string().optional(),
    nth: z.number().int().min(1).optional(),
    perPath: z.boolean().optional(),
    rate: z.number().min(0).max(1).optional(),
    timesMax: z.number().int().min(1).optional(),
    action: z.enum(['hold', 'fail', 'mix', ...FAULT_KINDS, ...DOWNLOAD_FAULT_KINDS]),
    kinds: z.array(z.enum(FAULT_KINDS)).min(1).optional(),
    retryAfterSeconds: z.number().min(0).max(86_400).optional(),
    status: z.number().int().min(400).max(599).optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  })
  .refine(({ rate, nth }) => rate === undefined || nth === undefined, 'either rate or nth')
  .refine(
    ({ action, rate, perPath }) => action !== 'hold' || (rate === undefined && perPath !== true),
    'one answer is held at a time: hold goes with nth only',
  )

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

export function faultOperations(faults: FaultBoard) {
  return {
    addFault: operation(Fault, (spec) => ({ id: faults.add(defined(spec) as FaultSpec) })),
    listFaults: operation(Nothing, () => ({ faults: faults.list() })),
    releaseFault: operation(z.strictObject({ id: z.number().int() }), ({ id }) => {
      if (!faults.release(id)) throw new ControlError(`there is no fault ${id}`)
      return {}
    }),
    clearFaults: operation(Nothing, () => {
      faults.clear()
      return {}
    }),
  }
}
