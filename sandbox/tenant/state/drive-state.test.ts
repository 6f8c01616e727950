import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { generatedStretch } from '../content/generated-bytes.ts'
import { quickXorHash } from '../content/quick-xor.ts'
import { DEFAULT_SETTINGS } from './settings.ts'
import { TenantState } from './tenant-state.ts'

function open(file: string): TenantState {
  const settings = { ...DEFAULT_SETTINGS }
  return new TenantState({ file, tenantId: 't', settings, clock: () => Date.UTC(2026, 0, 1) })
}

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenant-state-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'tenant.sqlite')
}

function library(state: TenantState) {
  const site = state.sites.create({ parent: null, path: '/sites/a', displayName: 'A' }, 0)
  const drive = state.sites.createDrive(site, { name: 'Documents' }, 0)
  return { site, drive, root: state.items.byPk(drive.root) }
}

test('sites, files and their bytes survive a restart, and seqs go on', (t) => {
  const file = fileOf(t)
  const before = open(file)
  const { root } = library(before)
  const content = before.contents.fromBytes(Buffer.from('kept'))
  const made = before.items.createFile(root, { name: 'a' }, { content, mimeType: 'text/plain' }, 0)
  const last = before.db.lastSeq()
  before.close()
  const after = open(file)
  t.after(() => after.close())
  const again = after.items.byPk(made.pk)
  assert.deepEqual(again, made)
  assert.equal(after.contents.bytes(after.contents.byPk(content.pk)).toString(), 'kept')
  assert.equal(after.db.lastSeq(), last)
})

test('a state file from before there were drives gets them', (t) => {
  const file = fileOf(t)
  open(file).close()
  const old = new DatabaseSync(file)
  for (const table of ['sites', 'drives', 'items', 'versions', 'contents', 'content_pieces']) {
    old.exec(`DROP TABLE ${table}`)
  }
  old.exec('DROP TABLE item_permissions; PRAGMA user_version=1')
  old.close()
  const state = open(file)
  t.after(() => state.close())
  assert.equal(state.items.path(library(state).root), '')
})

test('a copy of a generated file that is written piece by piece takes no room', (t) => {
  const state = open(':memory:')
  t.after(() => state.close())
  const recipe = { seed: 3, size: 3_000_000, kind: 'binary' } as const
  const writer = state.contents.writer()
  for (let from = 0; from < recipe.size; from += 327_680) {
    writer.append(generatedStretch(recipe, { from, to: from + 327_680 }))
  }
  const copy = writer.finish()
  const whole = generatedStretch(recipe, { from: 0, to: recipe.size })
  assert.deepEqual([copy.size, copy.quickXorHash], [recipe.size, quickXorHash(whole)])
  const stored = 'SELECT count(*) AS n FROM content_pieces WHERE bytes IS NOT NULL'
  assert.equal(state.db.get(stored)?.['n'], 0)
  assert.deepEqual(state.contents.bytes(copy), whole)
})

test('a copy that differs in a byte is kept as it is', (t) => {
  const state = open(':memory:')
  t.after(() => state.close())
  const recipe = { seed: 3, size: 2_500_000, kind: 'binary' } as const
  const changed = generatedStretch(recipe, { from: 0, to: recipe.size })
  changed[2_400_000] = (changed[2_400_000] ?? 0) ^ 1
  const writer = state.contents.writer()
  writer.append(changed)
  const copy = writer.finish()
  assert.deepEqual(state.contents.bytes(copy), changed)
  const stretch = Buffer.concat([...state.contents.read(copy, { from: 1_000_000, to: 2_450_000 })])
  assert.deepEqual(stretch, changed.subarray(1_000_000, 2_450_000))
})

test('of many versions the oldest go, and the current one stays', (t) => {
  const state = open(':memory:')
  t.after(() => state.close())
  const { root } = library(state)
  const content = state.contents.fromBytes(Buffer.from('x'))
  const file = { content, mimeType: 'text/plain' }
  const made = state.items.createFile(root, { name: 'a' }, file, 0)
  for (let n = 0; n < 510; n += 1) state.items.replaceContent(made, file, { nowMs: n })
  const versions = state.items.versions(made).map(({ number }) => number)
  assert.deepEqual([versions.length, versions.at(0), versions.at(-1)], [500, 511, 12])
})
