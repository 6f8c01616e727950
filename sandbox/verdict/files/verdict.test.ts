import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DriveItemSnapshot } from '../../tenant/index.ts'
import { parseFidelity } from '../fidelity.ts'
import type { Verdict } from '../findings.ts'
import { file, folder, library, restored, site } from '../testing/library.ts'
import type { FileRestoreAsked } from './expect.ts'
import { judgeSite, type SiteCase } from './verdict.ts'

const ALWAYS = [
  ...['id', 'eTag', 'cTag', 'createdDateTime', 'lastModifiedDateTime', 'createdBy'],
  ...['lastModifiedBy', 'sharepointIds', 'parentReference', 'versions'],
]
const FIDELITY = parseFidelity(
  ['| field | when |', '|-|-|', ...ALWAYS.map((field) => `| \`${field}\` | always |`)].join('\n'),
)
const ALL: FileRestoreAsked = { scope: 'all', conflict: 'skip' }

type Items = readonly DriveItemSnapshot[]

function judged(
  states: { before: Items; damaged: Items; after: Items },
  more: Partial<SiteCase> = {},
): Verdict {
  const [before, damaged, after] = [states.before, states.damaged, states.after].map((items) =>
    site(library(items)),
  )
  assert.ok(before && damaged && after)
  const rest = { restores: [ALL], notStored: new Set<string>(), refused: [] }
  return judgeSite({ before, damaged, after, ...rest, ...more }, FIDELITY)
}

const kinds = ({ problems }: Verdict) => problems.map(({ kind }) => kind).toSorted()
const unlisted = ({ differences }: Verdict) =>
  differences.filter(({ listed }) => !listed).map(({ field }) => field)

const here = folder('Here')
const one = file('one.txt', 'one', { parentId: 'Here', path: 'Here/one.txt' })
const two = file('two.txt', 'two')
const before = [here, one, two]

test('a file that came back with bytes, name, folder and dates is good', () => {
  const verdict = judged({ before, damaged: [here, two], after: [here, two, restored(one)] })
  assert.deepEqual([verdict.ok, verdict.expected, verdict.restored], [true, 1, 1])
  assert.equal(verdict.untouched, 1)
})

test('a file that did not come back is missing, unless a refusal explains it', () => {
  const states = { before, damaged: [here, two], after: [here, two] }
  assert.deepEqual(kinds(judged(states)), ['missing'])
  const refused = [{ name: 'one.txt', folderName: 'Here', code: 'NameRefused' }]
  const explained = judged(states, { refused })
  assert.deepEqual([explained.ok, explained.refused], [true, 1])
  const notStored = judged(states, { notStored: new Set([one.id]) })
  assert.deepEqual([notStored.ok, notStored.expected], [true, 0])
})

const WRONG: readonly (readonly [what: string, Partial<DriveItemSnapshot>, field: string])[] = [
  ['one byte', { sha256: 'another', bytes: 3 }, 'content'],
  ['a date', { fsModifiedMs: 9_000 }, 'fileSystemInfo.lastModifiedDateTime'],
  ['the day it was made', { fsCreatedMs: 9_000 }, 'fileSystemInfo.createdDateTime'],
  ['a letter of its name', { name: 'One.txt' }, 'name'],
  ['its type', { mimeType: 'text/html' }, 'file.mimeType'],
]
for (const [what, change, field] of WRONG) {
  test(`a copy that differs in ${what} is not good`, () => {
    const copy = restored(one, change)
    const verdict = judged({ before, damaged: [here, two], after: [here, two, copy] })
    assert.deepEqual([verdict.ok, unlisted(verdict)], [false, [field]])
  })
}

test('permissions are compared without their ids', () => {
  const permission = { id: 'p1', roles: ['read'], grantees: [], hasPassword: false }
  const rest = { link: null, expiresMs: null }
  const shared = { ...one, permissions: [{ ...permission, ...rest }] }
  const states = { before: [here, shared], damaged: [here] }
  const again = restored(shared, { permissions: [{ ...permission, ...rest, id: 'p2' }] })
  assert.equal(judged({ ...states, after: [here, again] }).ok, true)
  const lost = restored(shared, { permissions: [] })
  assert.deepEqual(unlisted(judged({ ...states, after: [here, lost] })), ['permissions'])
})

test('a copy elsewhere is in the wrong folder', () => {
  const copy = restored(one, { parentId: 'root', path: 'one.txt' })
  const verdict = judged({ before, damaged: [here, two], after: [here, two, copy] })
  assert.deepEqual(kinds(verdict), ['wrong-folder'])
})

test('a folder that was deleted stands again under its name, with what was in it', () => {
  const again = folder('Here again', { name: 'HERE', path: 'HERE' })
  const copy = restored(one, { parentId: again.id, path: 'HERE/one.txt' })
  assert.equal(judged({ before, damaged: [two], after: [again, two, copy] }).ok, true)
  const bare = judged({ before, damaged: [two], after: [two] })
  assert.deepEqual(kinds(bare), ['folder-missing', 'missing'])
})

test('a second copy and a new file that nobody asked for are found', () => {
  const extra = restored(one, { name: 'one (2).txt' })
  const double = judged({ before, damaged: [here, two], after: [here, two, restored(one), extra] })
  assert.deepEqual(kinds(double), ['double'])
  const stranger = file('stranger.txt', 'never seen')
  const more = judged({ before, damaged: before, after: [...before, stranger] })
  assert.deepEqual(kinds(more), ['unexpected'])
})

test('what was there before the restore must stay as it was', () => {
  const states = { before, damaged: before }
  assert.deepEqual(kinds(judged({ ...states, after: [here, one] })), ['harmed'])
  const renamed = { ...two, name: 'other.txt' }
  assert.deepEqual(kinds(judged({ ...states, after: [here, one, renamed] })), ['harmed'])
  const moved = { ...one, parentId: 'root' }
  assert.deepEqual(kinds(judged({ ...states, after: [here, moved, two] })), ['harmed'])
  const folderRenamed = [{ ...here, name: 'There' }, one, two]
  assert.deepEqual(kinds(judged({ ...states, after: folderRenamed })), ['folder-harmed'])
})

const locked = { ...file('one.txt.locked', ['garbage', 'one']), id: one.id, parentId: 'Here' }
const damaged = [here, locked, two]
const asked = (conflict: FileRestoreAsked['conflict']) => ({
  restores: [{ scope: 'all' as const, conflict }],
})

test('what was overwritten stays with skip, and gets company with copy', () => {
  const kept = judged({ before, damaged, after: damaged }, asked('skip'))
  assert.deepEqual([kept.ok, kept.keptNewer], [true, 1])
  const copied = judged({ before, damaged, after: [...damaged, restored(one)] }, asked('copy'))
  assert.deepEqual([copied.ok, copied.restored], [true, 1])
  const other = restored(one, { name: 'one (restored).txt' })
  const renamed = judged({ before, damaged, after: [...damaged, other] }, asked('copy'))
  assert.deepEqual(unlisted(renamed), ['name'], 'its own name was free')
  const taken = [here, { ...locked, name: 'one.txt' }, two]
  const beside = judged({ before, damaged: taken, after: [...taken, other] }, asked('copy'))
  assert.equal(beside.ok, true)
})

test('with replace the original has the place for itself', () => {
  const after = [here, two, restored(one)]
  assert.equal(judged({ before, damaged, after }, asked('replace')).ok, true)
  const both = judged({ before, damaged, after: [...after, locked] }, asked('replace'))
  assert.deepEqual(kinds(both), ['double'])
})

test('with version the file that is there has the content again, and what it held as well', () => {
  const texts = ['one', 'garbage', 'one']
  const again = { ...file('one.txt.locked', texts), id: one.id, parentId: 'Here' }
  const good = judged({ before, damaged, after: [here, again, two] }, asked('version'))
  assert.deepEqual([good.ok, good.restored], [true, 1])
  const lost = { ...again, versions: again.versions.slice(0, 1) }
  assert.deepEqual(kinds(judged({ before, damaged, after: [here, lost, two] }, asked('version'))), [
    'harmed',
  ])
  const unchanged = judged({ before, damaged, after: damaged }, asked('version'))
  assert.deepEqual(kinds(unchanged), ['missing'])
})

test('a restore of one folder, or of one file, is asked for no more', () => {
  const states = { before, damaged: [here], after: [here, restored(one)] }
  const folderOnly = { restores: [{ scope: { folders: ['Here'] }, conflict: 'skip' as const }] }
  assert.equal(judged(states, folderOnly).ok, true)
  const fileOnly = { restores: [{ scope: { files: [one.id] }, conflict: 'skip' as const }] }
  assert.equal(judged(states, fileOnly).ok, true)
  assert.deepEqual(kinds(judged(states)), ['missing'])
})

test('a library that was deleted stands again under its name; a system one is nobody’s', () => {
  const system = library([file('hidden.txt', 'hidden')], { id: 'sys', name: 'Site', system: true })
  const made = library([restored(two)], { id: 'd2' })
  const given = { restores: [ALL], notStored: new Set<string>(), refused: [] }
  const was = site(library([two]), system)
  const good = judgeSite({ before: was, damaged: site(), after: site(made), ...given }, FIDELITY)
  assert.deepEqual([good.ok, good.restored], [true, 1])
  const none = judgeSite({ before: was, damaged: site(), after: site(), ...given }, FIDELITY)
  assert.deepEqual(kinds(none), ['folder-missing', 'missing'])
})
