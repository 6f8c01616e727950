/**
 * DESIGN 3: data flows one way, all I/O goes through a port, src/ never knows the sandbox.
 */
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { importsOf, isTest, type Source, sourcesOf } from './sources.ts'

/** What each part of src/ may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  ports: ['model'],
  config: ['model'],
  sealing: ['model'],
  concurrency: ['model'],
  graph: ['ports', 'model'],
  workloads: ['graph', 'ports', 'model'],
  catalogue: ['concurrency', 'sealing', 'ports', 'model'],
  vault: ['catalogue', 'concurrency', 'sealing', 'ports', 'model'],
  policy: ['ports', 'model'],
  audit: ['ports', 'model'],
  access: ['ports', 'model'],
  capture: ['workloads', 'vault', 'catalogue', 'concurrency', 'ports', 'model'],
  restore: ['workloads', 'vault', 'catalogue', 'concurrency', 'sealing', 'ports', 'model'],
  orchestrations: [],
  runs: [
    'capture',
    'policy',
    'vault',
    'catalogue',
    'orchestrations',
    'graph',
    'concurrency',
    'ports',
    'model',
  ],
  functions: [
    'runs',
    'capture',
    'restore',
    'orchestrations',
    'workloads',
    'policy',
    'audit',
    'access',
    'vault',
    'catalogue',
    'ports',
    'model',
  ],
  adapters: ['ports', 'model'],
}

/** Only these may speak to Azure, Graph or the Functions host. */
const MAY_IMPORT_SDK: Readonly<Record<string, RegExp>> = {
  adapters: /^@azure\/(?!functions)/,
  graph: /^@microsoft\/microsoft-graph-client$/,
  functions: /^(@azure\/functions|durable-functions)$/,
  orchestrations: /^durable-functions$/,
  app: /^(@azure\/(functions|identity)|durable-functions)$/,
}

const SDK = /^(@azure\/|@microsoft\/|durable-functions)/
const REASON =
  'see DESIGN 3, rules of the house: data flows one way, and all I/O goes through a port'

function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

/** Root-relative path that a relative import means. */
function target(source: Source, specifier: string): string {
  return posix.join(posix.dirname(source.path), specifier)
}

const sources = sourcesOf('src').filter((s) => !isTest(s.path))

test('every part of src/ imports only what lies below it', () => {
  const wrong = sources.flatMap((source) => {
    const part = partOf(source.path)
    if (part === 'app') return []
    const allowed = MAY_IMPORT[part]
    assert.ok(allowed, `${source.path}: src/${part} is no part that DESIGN knows`)
    return importsOf(source)
      .filter((i) => i.specifier.startsWith('.'))
      .map((i) => target(source, i.specifier))
      .filter((to) => partOf(to) !== part && !allowed.includes(partOf(to)))
      .map((to) => `${source.path} imports ${to}; ${REASON}`)
  })
  assert.deepEqual(wrong, [])
})

test('src/ never imports the sandbox, the tests, the command line or the portal', () => {
  const wrong = sourcesOf('src').flatMap((source) =>
    importsOf(source)
      .filter((i) => i.specifier.startsWith('.'))
      .map((i) => target(source, i.specifier))
      .filter((to) => !to.startsWith('src/') && !isTest(source.path))
      .map((to) => `${source.path} imports ${to}`),
  )
  assert.deepEqual(wrong, [])
})

test('only adapters, the Graph client and the functions know an SDK', () => {
  const wrong = sources.flatMap((source) =>
    importsOf(source)
      .filter((i) => SDK.test(i.specifier))
      .filter((i) => !MAY_IMPORT_SDK[partOf(source.path)]?.test(i.specifier))
      .map((i) => `${source.path} imports ${i.specifier}; ${REASON}`),
  )
  assert.deepEqual(wrong, [])
})

/**
 * What the command line may import of src/: how a vault is read and tables are made from it, and
 * nothing that runs backups.
 */
const CLI_MAY_IMPORT =
  /^src\/(vault|catalogue|runs\/rebuild|policy|adapters|model|concurrency)\/|^src\/ports\.ts$/

test('the command line knows vaults and their tables, no SDK, no sandbox and nothing that runs', () => {
  const wrong = sourcesOf('cli')
    .filter(({ path }) => !isTest(path))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ specifier }) => {
          if (!specifier.startsWith('.')) return SDK.test(specifier)
          const to = target(source, specifier)
          return !to.startsWith('cli/') && !CLI_MAY_IMPORT.test(to)
        })
        .map(({ specifier }) => `${source.path} imports ${specifier}`),
    )
  assert.deepEqual(wrong, [])
})

/** A port implementation needs the port, and the types and errors that it speaks in. */
const PORT_WORDS = /^src\/(ports\.ts$|model\/)/

test('the sandbox stands in for Azure and Microsoft 365 and shares no code with src/', () => {
  const mayImport = (path: string, to: string) =>
    isTest(path) || (path.startsWith('sandbox/storage/') && PORT_WORDS.test(to))
  const wrong = sourcesOf('sandbox').flatMap((source) =>
    importsOf(source)
      .filter((i) => i.specifier.startsWith('.'))
      .map((i) => target(source, i.specifier))
      .filter((to) => to.startsWith('src/') && !mayImport(source.path, to))
      .map((to) => `${source.path} imports ${to}`),
  )
  assert.deepEqual(wrong, [])
})
