import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { readSettings, settingsSchema } from './config.ts'
import { hasCode } from './model/errors.ts'

const MINIMAL = {
  HOLDFAST_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  HOLDFAST_VAULT_CONNECTION: 'a',
  HOLDFAST_TABLES_CONNECTION: 'b',
  HOLDFAST_QUEUES: 'c',
  HOLDFAST_KEY_FILE: 'keys',
}

test('a handful of settings is enough, the rest has defaults', () => {
  const settings = readSettings(MINIMAL)
  assert.equal(settings.HOLDFAST_ROLE, 'all')
  assert.equal(settings.HOLDFAST_PACK_MIB, 32)
})

test('an unknown, a wrong and a doubled setting are each named in the error', () => {
  const env = {
    ...MINIMAL,
    HOLDFAST_LANSE: '4',
    HOLDFAST_LANES: 'many',
    HOLDFAST_VAULT_URL: 'https://vault.blob.core.windows.net',
  }
  assert.throws(
    () => readSettings(env),
    (error) =>
      hasCode(error, 'SettingsInvalid') &&
      /HOLDFAST_LANSE is not a setting/.test(error.message) &&
      /HOLDFAST_LANES/.test(error.message),
  )
  const { HOLDFAST_LANSE: _, HOLDFAST_LANES: __, ...doubled } = env
  assert.throws(() => readSettings(doubled), /exactly one of HOLDFAST_VAULT_URL/)
})

test("settings of the host's own queue trigger are not taken for ours", () => {
  const env = { ...MINIMAL, HOLDFAST_QUEUES__queueServiceUri: 'https://x' }
  assert.equal(readSettings(env).HOLDFAST_QUEUES, 'c')
})

/** One row for each setting, from the schema alone. */
function settingsPage(): string {
  const rows = Object.entries(settingsSchema.shape).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined)
    const value = parsed.success ? (parsed.data ?? '') : 'required'
    return `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${schema.description ?? ''} |`
  })
  return [
    '# Settings',
    '',
    'Every setting of the function app, from the schema in `src/config.ts`. They are app settings',
    'on Azure and environment variables elsewhere. `UPDATE_DOCS=1 npm test` writes this page anew.',
    '',
    '| setting | default | what it does |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

test('docs/settings.md says what the schema says', () => {
  const page = new URL('../docs/settings.md', import.meta.url)
  if (process.env['UPDATE_DOCS']) writeFileSync(page, settingsPage())
  assert.equal(readFileSync(page, 'utf8'), settingsPage())
})
