/**
 * The contract of the storage ports, as cases that run on anything that implements them: the
 * simulator, Azurite and, if somebody asks for it, a real account.
 *
 * Where an emulator is known to deviate from Azure, its table says so by name
 * (azurite-deviations.ts), and the case is expected to fail there in just that way. If it does not,
 * the test fails: either the emulator has learnt it, or it deviates in a new way.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

/** One behaviour, as a sentence. Each run gets a world of its own, or a place of its own in it. */
export interface Case<World> {
  name: string
  run(world: World): Promise<void>
}

export interface Deviation {
  /** Short, to be found in the output of a run. */
  name: string
  azure: string
  here: string
  /** Cases that fail because of it, with what the failure says. */
  cases: Readonly<Record<string, RegExp>>
}

export function playCases<World>(
  title: string,
  cases: readonly Case<World>[],
  open: () => World | Promise<World>,
  deviations: readonly Deviation[] = [],
): void {
  describe(title, () => {
    for (const { name, run } of cases) {
      const deviation = deviations.find((one) => Object.hasOwn(one.cases, name))
      const symptom = deviation?.cases[name]
      if (!deviation || !symptom) test(name, async () => run(await open()))
      else
        test(`deviates (${deviation.name}): ${name}`, async () => {
          await assert.rejects(
            async () => run(await open()),
            (error) => {
              assert.match(said(error), symptom)
              return true
            },
          )
        })
    }
  })
}

/** Code and message of whatever was thrown; an assertion says what it had expected. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  const context = 'context' in error ? JSON.stringify(error.context) : ''
  return `${code} ${error.message} ${context}`
}
