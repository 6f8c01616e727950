/**
 * Stands in for `node:test` while mutants are tried (runner.ts): remembers the tests of the files
 * that are imported instead of running them, so that they can be run again and again.
 *
 * Holds what the tests of the vault use, and no more. What is missing here is missed at once: the
 * run without a mutant fails.
 */

export interface TestContext {
  name: string
  diagnostic(text: string): void
  after(work: () => unknown): void
}

/** A file, or a `describe` in one. */
export interface Suite {
  /** Unique. */
  id: string
  file: string
  outer: Suite | undefined
  before: (() => unknown)[]
  after: (() => unknown)[]
}

export interface RecordedTest {
  /** Unique: the file, its suites and its name. */
  id: string
  file: string
  suite: Suite
  run: (context: TestContext) => unknown
}

const recorded: RecordedTest[] = []
let suite: Suite | undefined

const suiteOf = (id: string, file: string, outer?: Suite): Suite => ({
  id,
  file,
  outer,
  before: [],
  after: [],
})

function current(): Suite {
  if (suite === undefined) throw new Error('a test stands in a file that record() imports')
  return suite
}

/** What the file of tests holds, which `load` imports. */
export async function record(file: string, load: () => Promise<unknown>): Promise<RecordedTest[]> {
  suite = suiteOf(file, file)
  const earlier = recorded.length
  await load()
  return recorded.slice(earlier)
}

type Body = (context: TestContext) => unknown

export function test(name: string, ...rest: [Body] | [object, Body]): void {
  const within = current()
  const id = `${within.id} > ${name}`
  if (recorded.some((other) => other.id === id)) throw new Error(`two tests are called ${id}`)
  recorded.push({ id, file: within.file, suite: within, run: rest.at(-1) as Body })
}

export function describe(name: string, ...rest: [() => void] | [object, () => void]): void {
  const outer = current()
  suite = suiteOf(`${outer.id} > ${name}`, outer.file, outer)
  const body = rest.at(-1) as () => void
  body()
  suite = outer
}

export function before(work: () => unknown): void {
  current().before.push(work)
}

export function after(work: () => unknown): void {
  current().after.push(work)
}
