/** One operation of the control interface: a checked input and a plain answer. */
import type { z } from 'zod'

export interface Operation<Input, Checked, Output> {
  readonly schema: z.ZodType<Checked, Input>
  run(input: Checked): Output | Promise<Output>
}

export function operation<Input, Checked, Output>(
  schema: z.ZodType<Checked, Input>,
  run: (input: Checked) => Output | Promise<Output>,
): Operation<Input, Checked, Output> {
  return { schema, run }
}

/** A refusal of the control interface: a wrong name, a folder that is not there. */
export class ControlError extends Error {}
