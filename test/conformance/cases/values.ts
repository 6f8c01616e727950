/** What becomes of values on their way: inputs, results, statuses, sizes. */
import type { OddResult } from '../app/odd-results.ts'
import type { ConformanceCase } from '../suite/case.ts'
import { EXTENSION, OBSERVED, SDK } from '../suite/sources.ts'

/** What an activity says of an input of this kind. */
function reaches(
  id: string,
  says: string,
  input: unknown,
  output: Readonly<Record<string, unknown>>,
): ConformanceCase {
  return {
    ...{ id, says, source: OBSERVED },
    *orchestrator(context) {
      const { type, input: seen } = yield context.df.callActivity('describe', input)
      return { type, seen }
    },
    expect: { status: 'Completed', output },
  }
}

/** What an orchestrator gets of an activity that returns this. */
function comesBack(kind: OddResult, says: string, output: unknown): ConformanceCase {
  return {
    ...{ id: `result-${kind}`, says, source: OBSERVED },
    *orchestrator(context) {
      try {
        const result: unknown = yield context.df.callActivity('oddResult', { kind })
        return result === undefined ? 'undefined' : { result }
      } catch {
        return 'failed'
      }
    },
    expect: { status: 'Completed', output },
  }
}

const bulk = (characters: number): string => 'x'.repeat(characters)

export const VALUES: readonly ConformanceCase[] = [
  reaches('input-digits', 'A text of digits reaches an activity as text.', '123', {
    ...{ type: 'string', seen: '123' },
  }),
  reaches('input-true-text', 'The text "true" reaches an activity as text.', 'true', {
    ...{ type: 'string', seen: 'true' },
  }),
  reaches('input-null-text', 'The text "null" reaches an activity as text.', 'null', {
    ...{ type: 'string', seen: 'null' },
  }),
  reaches('input-boolean', 'A boolean reaches an activity as the text "True".', true, {
    ...{ type: 'string', seen: 'True' },
  }),
  reaches('input-number', 'A number reaches an activity as a number.', 42, {
    ...{ type: 'number', seen: 42 },
  }),
  reaches('input-null', 'null reaches an activity as undefined.', null, {
    ...{ type: 'undefined', seen: null },
  }),
  reaches('input-missing', 'A missing input reaches an activity as undefined.', undefined, {
    ...{ type: 'undefined', seen: null },
  }),
  reaches(
    'input-type-members',
    'Members $type and $id of an input vanish.',
    { $type: 'x', $id: '1', kept: true },
    { type: 'object', seen: { kept: true } },
  ),
  reaches(
    'input-values-member',
    'An input {$values: […]} becomes the list.',
    { $values: [1, 2] },
    { type: 'object', seen: [1, 2] },
  ),
  reaches(
    'input-ref-member',
    'An input {$ref: …} becomes undefined.',
    { $ref: '1' },
    { type: 'undefined', seen: null },
  ),
  {
    id: 'input-boolean-metadata',
    says: 'The metadata holds a boolean input as a boolean.',
    source: OBSERVED,
    *orchestrator(context) {
      const { data } = yield context.df.callActivity('describe', true)
      return { data }
    },
    expect: { status: 'Completed', output: { data: true } },
  },
  reaches(
    'input-iso-text',
    'A text that looks like a time stays as it is.',
    { at: '2026-01-02T03:04:05.678Z' },
    { type: 'object', seen: { at: '2026-01-02T03:04:05.678Z' } },
  ),
  {
    id: 'activity-metadata',
    says: 'The metadata of an activity has the id, the input, and each member of an object; no retry context, no signal.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callActivity('describe', { First: 1, second: 'two' })
    },
    expect: {
      status: 'Completed',
      output: {
        type: 'object',
        input: { First: 1, second: 'two' },
        metadata: ['data', 'first', 'instanceId', 'second'],
        data: { first: 1, second: 'two' },
        retryContext: null,
        hasSignal: false,
      },
    },
  },
  comesBack('undefined', 'An activity that returns nothing gives null.', { result: null }),
  comesBack('null', 'null comes back as null.', { result: null }),
  comesBack('function', 'A function comes back as null.', { result: null }),
  comesBack('date', 'A Date comes back as ISO text.', { result: '2026-01-02T03:04:05.006Z' }),
  comesBack('nan', 'NaN comes back as the text "NaN".', { result: 'NaN' }),
  comesBack('buffer', 'A Buffer comes back as base64.', { result: 'Ynl0ZXM=' }),
  comesBack('minusZero', '−0 comes back as 0.', { result: 0 }),
  comesBack('text', 'A text comes back as it is.', { result: 'a text' }),
  comesBack('digits', 'A text of digits comes back as text.', { result: '123' }),
  comesBack('nested', 'Nested values come back as their JSON.', {
    result: { a: [1, { b: null }], at: '1970-01-01T00:00:00.000Z' },
  }),
  comesBack('bigint', 'A BigInt fails the activity.', 'failed'),
  comesBack('circular', 'What refers to itself fails the activity.', 'failed'),
  comesBack('throwsUndefined', '`throw undefined` is success with null.', { result: null }),
  comesBack('throwsObject', 'A thrown object fails the activity.', 'failed'),
  {
    id: 'result-beyond-64-bits',
    says: 'An integer beyond 64 bits overflows silently.',
    source: OBSERVED,
    *orchestrator(context) {
      const result: number = yield context.df.callActivity('oddResult', { kind: 'beyond64Bits' })
      return { isNegative: result < 0 }
    },
    expect: { status: 'Completed', output: { isNegative: true } },
  },
  {
    id: 'start-without-input',
    says: 'An instance that the client starts without an input gets the empty text.',
    source: `${OBSERVED}; ${SDK}, DurableClient.js: axios sends ""`,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      return { input: context.df.getInput() }
    },
    drive: async (run) => {
      await run.start({ input: undefined })
      await run.ended()
    },
    expect: { status: 'Completed', output: { input: '' } },
  },
  {
    id: 'webhook-without-body',
    says: 'An instance that the webhook starts without a body gets null.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      return { input: context.df.getInput() ?? null }
    },
    drive: async (run) => {
      const { statusQueryGetUri = '' } = await run.links()
      const start = statusQueryGetUri.replace('/instances/', '/orchestrators/webhook-without-body/')
      run.note((await run.http('POST', start)).status)
      await run.ended()
    },
    expect: { status: 'Completed', output: { input: null }, notes: [202] },
  },
  {
    id: 'input-kinds',
    says: 'An orchestrator gets every other kind of input unchanged.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      return context.df.getInput()
    },
    input: { text: 'ä', digits: '12', number: 1.5, list: [1, [2]], no: false, nothing: null },
    expect: {
      status: 'Completed',
      output: { text: 'ä', digits: '12', number: 1.5, list: [1, [2]], no: false, nothing: null },
    },
  },
  {
    id: 'large-values',
    says: 'A result of 1 MB, and input and output of 100 KB, pass.',
    source: `${OBSERVED}; beyond 45 KB the storage provider puts them into blobs`,
    *orchestrator(context) {
      const result: string = yield context.df.callActivity('bulk', { characters: 1_000_000 })
      const { pad }: { pad: string } = context.df.getInput()
      return { result: result.length, pad }
    },
    input: { pad: bulk(100_000) },
    drive: async (run) => {
      await run.start()
      const { output } = await run.ended()
      const { result, pad } = output as { result: number; pad: string }
      run.note(result, pad.length)
    },
    expect: { status: 'Completed', notes: [1_000_000, 100_000] },
  },
  {
    id: 'custom-status-cleared',
    says: 'Every answer sets the custom status: one without clears it.',
    source: `${OBSERVED}, against what the SDK’s code suggests`,
    *orchestrator(context) {
      context.df.setCustomStatus({ at: 'first' })
      yield context.df.waitForExternalEvent('go')
      context.df.setCustomStatus(null)
      yield context.df.waitForExternalEvent('go')
      return 'done'
    },
    drive: async (run) => {
      await run.start()
      await run.still()
      run.note((await run.status())?.customStatus)
      await run.raise('go', 1)
      await run.still()
      run.note((await run.status())?.customStatus)
      await run.raise('go', 1)
      await run.ended()
    },
    expect: { status: 'Completed', customStatus: null, notes: [{ at: 'first' }, null] },
  },
  {
    id: 'custom-status-kept',
    says: 'The custom status stays where the orchestrator throws.',
    source: OBSERVED,
    *orchestrator(context) {
      context.df.setCustomStatus({ at: 'work' })
      yield context.df.callActivity('echo', 1)
      throw new Error('no')
    },
    expect: { status: 'Failed', customStatus: { at: 'work' } },
  },
  {
    id: 'custom-status-8200',
    says: 'A custom status of 8,200 characters passes.',
    source: OBSERVED,
    *orchestrator(context) {
      context.df.setCustomStatus({ pad: bulk(8200) })
      yield context.df.callActivity('echo', 1)
      return 'done'
    },
    expect: { status: 'Completed', output: 'done' },
  },
  {
    id: 'custom-status-20000',
    says: 'A custom status of 20,000 characters fails the orchestration, with its size.',
    source: `${OBSERVED}; ${EXTENSION}, DurableOrchestrationContext.cs`,
    *orchestrator(context) {
      context.df.setCustomStatus({ pad: bulk(20_000) })
      yield context.df.callActivity('echo', 1)
      return 'unreachable'
    },
    drive: async (run) => {
      await run.start()
      const { output } = await run.ended()
      run.note(/UTF-16 size[\s\S]*16 KB/.test(String(output)))
    },
    expect: { status: 'Failed', notes: [true] },
  },
]
