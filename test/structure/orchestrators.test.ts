/**
 * Orchestrators are deterministic (facts of Durable Functions: every episode replays from event 0).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, isTest, sourcesOf } from './sources.ts'

/** What an orchestrator must not do, and what it does instead. */
const BANNED: readonly [RegExp, string][] = [
  [/\bDate\.now\b/, 'context.df.currentUtcDateTime'],
  [/\bnew Date\(\)/, 'context.df.currentUtcDateTime'],
  [/\bMath\.random\b|\brandomUUID\b/, 'ids from the input or from an activity'],
  [/\bprocess\./, 'settings from an activity'],
  [/\bawait\b|\basync\b|\bPromise\b/, 'yield'],
  [/\bfetch\b|\bsetTimeout\b/, 'an activity or context.df.createTimer'],
  [/WithRetry\b/, 'an explicit loop (retry options drift inside Task.all)'],
  [/\bwaitForExternalEvent\b/, 'flags that activities read (no orchestrator waits for events)'],
  [/\bTask\.any\b/, 'lanes (a task in two compound tasks runs twice)'],
  [/\bcallEntity\b|\bsignalEntity\b/, 'rows with etags'],
  [/\bretryTimeoutInMilliseconds\b/, 'a loop with a limit'],
  [/throw\s+['"`{]/, 'an Error object (a thrown text leaves the instance Running for ever)'],
]

/** Comments speak of these things; only code counts. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
}

const sources = sourcesOf('src/orchestrations').filter((s) => !isTest(s.path))

test('an orchestrator reads no clock, no chance, no environment and does no I/O', () => {
  const wrong = sources.flatMap(({ path, text }) =>
    BANNED.filter(([pattern]) => pattern.test(code(text))).map(
      ([pattern, instead]) => `${path}: ${pattern.source}; use ${instead}`,
    ),
  )
  assert.deepEqual(wrong, [])
})

test('an orchestrator imports only names and types', () => {
  const wrong = sources.flatMap((source) =>
    importsOf(source)
      .filter((i) => i.specifier !== './names.ts' && !i.typeOnly)
      .map((i) => `${source.path} imports ${i.specifier}`),
  )
  assert.deepEqual(wrong, [])
})
