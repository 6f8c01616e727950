/**
 * What happened to an instance, without what differs from run to run: ids, times and stacks are
 * replaced by names, so that the transcripts of two hosts can be compared line by line.
 */
import type { RuntimeStatus, Transcript } from './case.ts'

export interface StatusAnswer {
  readonly runtimeStatus: RuntimeStatus
  readonly input: unknown
  readonly output: unknown
  readonly customStatus: unknown
  readonly historyEvents?: readonly HistoryEvent[]
}

type HistoryEvent = Readonly<Record<string, unknown>> & { readonly EventType: string }

const STACK = /(StackTrace: )[\s\S]*$/
const STACK_MEMBER = /"(StackTraceString|RemoteStackTraceString)":"(?:[^"\\]|\\.)*"/g
const HEX_ID = /\b[0-9a-f]{32}\b/g
/** A JavaScript stack: from the first line that names a place to the end of them. */
const STACK_LINES = /(?:\\n|\n)\s+at [\s\S]*?(?="|$)/g

/** Replaces the id of the instance, ids that a host made, and stacks. */
export function normalised(value: unknown, id: string): unknown {
  if (typeof value === 'string') return normalisedText(value, id)
  if (Array.isArray(value)) return value.map((one) => normalised(one, id))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, normalised(member, id)]),
  )
}

export function normalisedText(text: string, id: string): string {
  return text
    .replaceAll(id, '<id>')
    .replace(HEX_ID, '<hex>')
    .replace(STACK, '$1<stack>')
    .replace(STACK_MEMBER, '"$1":"<stack>"')
    .replace(STACK_LINES, ' <stack>')
}

/** `TaskCompleted echo = 1`, `EventRaised go = {"a":1}`, `TaskFailed fail: <reason>` */
function lineOf(event: HistoryEvent, id: string): string {
  const { EventType, FunctionName, Name, Result, Input, Reason, OrchestrationStatus } = event
  const name = FunctionName ?? Name
  const words = [EventType, ...(typeof name === 'string' ? [name] : [])]
  if (OrchestrationStatus !== undefined) words.push(String(OrchestrationStatus))
  const value = EventType === 'EventRaised' ? Input : Result
  if (value !== undefined && EventType !== 'ExecutionStarted') {
    words.push('=', JSON.stringify(normalised(value, id)))
  }
  const line = words.join(' ')
  return typeof Reason === 'string' ? `${line}: ${normalisedText(Reason, id)}` : line
}

export function transcriptOf(
  answer: StatusAnswer | undefined,
  { id, effects, notes }: { id: string; effects: readonly string[]; notes: readonly unknown[] },
): Transcript {
  return {
    status: answer?.runtimeStatus ?? 'none',
    output: normalised(answer?.output ?? null, id),
    customStatus: normalised(answer?.customStatus ?? null, id),
    history: (answer?.historyEvents ?? []).map((event) => lineOf(event, id)),
    effects: [...effects],
    notes: notes.map((one) => normalised(one, id)),
  }
}
