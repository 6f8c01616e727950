/** Runs cases on a host and says of each whether its transcript is the expected one. */
import { isDeepStrictEqual } from 'node:util'
import type { ConformanceCase, Transcript } from './case.ts'
import { expectedOf, type HostUnderTest, runCase } from './run.ts'

/** Beside each other; those that need the host for themselves come after, one by one. */
const TOGETHER = 6

export type Verdict =
  | { readonly verdict: 'as expected'; readonly transcript: Transcript }
  | { readonly verdict: 'differs'; readonly transcript: Transcript; readonly members: string[] }
  | { readonly verdict: 'broke'; readonly why: string }
  | { readonly verdict: 'skipped'; readonly why: string }

export async function verdictOf(
  host: HostUnderTest,
  testCase: ConformanceCase,
  tag: string,
): Promise<Verdict> {
  if (testCase.needs === 'host-restart' && host.restart === undefined) {
    return { verdict: 'skipped', why: 'the host cannot be ended from here' }
  }
  if (testCase.needs === 'streaming-app' && host.streamingUrl === undefined) {
    return { verdict: 'skipped', why: 'there is no host with the app that streams' }
  }
  let transcript: Transcript
  try {
    transcript = await runCase(host, testCase, tag)
  } catch (error) {
    return { verdict: 'broke', why: error instanceof Error ? error.message : String(error) }
  }
  const members = Object.entries(expectedOf(host, testCase))
    .filter(
      ([name, expected]) => !isDeepStrictEqual(transcript[name as keyof Transcript], expected),
    )
    .map(([name]) => name)
  return members.length === 0
    ? { verdict: 'as expected', transcript }
    : { verdict: 'differs', transcript, members }
}

/** Tells each verdict as it falls. */
export async function runAll(
  host: HostUnderTest,
  cases: readonly ConformanceCase[],
  tag: string,
  tell: (testCase: ConformanceCase, verdict: Verdict) => void,
): Promise<void> {
  const waiting = cases.filter(({ isAlone }) => !isAlone)
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      tell(next, await verdictOf(host, next, tag))
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, lane))
  for (const one of cases) if (one.isAlone) tell(one, await verdictOf(host, one, tag))
}
