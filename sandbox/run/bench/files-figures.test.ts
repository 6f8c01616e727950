import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { BackupResult } from '../backup.ts'
import { type FilesMeasured, fileFigures, filesExceed, stepFigures } from './files-figures.ts'
import { fileLines, ratioText } from './files-text.ts'

const NO_COUNTS = {
  ...{ seen: 0, stored: 0, restated: 0, unchanged: 0, left: 0 },
  ...{ deleted: 0, ledger: 0, excluded: 0 },
}

/** A run that spent these units, and downloaded a megabyte with each unit of a download. */
function result(kinds: Record<string, number>, stored = 0): BackupResult {
  const counts = { ...NO_COUNTS, stored }
  const owners = { total: 1, queued: 0, claimed: 0, done: 1, wait: 0, failed: 0 }
  const total = Object.values(kinds).reduce((sum, count) => sum + count, 0)
  const downloads = kinds['content.download'] ?? 0
  return {
    run: {
      ...{
        id: 'r',
        state: 'done',
        wave: 0,
        counts,
        requests: 0,
        units: { all: 0, permissions: 0 },
        bytes: 0,
      },
      ...{ owners, troubles: {} },
    },
    ...{ counts, bytes: 0, seconds: 2 },
    requests: {
      ...{ requests: kinds, throttled: {}, statuses: {}, mailboxes: {} },
      units: { total, permissions: kinds['permissions.list'] ?? 0, kinds, apps: {} },
      ...{ downloads, bytesOut: downloads * 1e6 },
    },
  }
}

const sites = { 'sites.delta': 9 }

/** Everything at its limit. */
const GOOD: FilesMeasured = {
  ...{ files: 100, folders: 10, changes: 4, filesBelowRenamed: 50, isRenameKnown: true },
  steps: {
    first: result({ ...sites, 'content.download': 100, 'drive.delta': 10 }, 100),
    unchanged: result({ ...sites, 'drive.delta': 2 }),
    changed: result({ ...sites, 'content.download': 4, 'drive.delta': 5 }, 4),
    renamed: result({ ...sites, 'drive.delta': 3 }),
  },
  ...{ mb: 399.9, workerDeaths: 0, rclone: 'rclone is not installed' },
  large: {
    ...{ gb: 5, mb: 399.9, workerDeaths: 0 },
    result: { ...result({ 'content.download': 9000 }), bytes: 5_000_000_500 },
  },
}

const RCLONE = {
  version: 'v1.60.1',
  steps: {
    first: result({ 'content.get': 100, 'content.download': 100, 'children.list': 20 }),
    unchanged: result({ 'children.list': 22 }),
    changed: result({ 'children.list': 22 }),
    renamed: result({ 'content.download': 50 }),
  },
  mb: undefined,
}

test('each limit of files is told when it is exceeded, and only then', () => {
  const told = (change: Partial<FilesMeasured>) => filesExceed(fileFigures({ ...GOOD, ...change }))
  const toldOf = (steps: Partial<FilesMeasured['steps']>) =>
    told({ steps: { ...GOOD.steps, ...steps } }).join()
  assert.deepEqual(told({}), [])
  assert.match(toldOf({ first: result({ 'drive.delta': 111 }, 100) }), /^1\.110 units for a file/)
  assert.match(toldOf({ first: result({}, 99) }), /^only 99 of 100 files/)
  assert.match(toldOf({ unchanged: result({ 'drive.delta': 3 }) }), /^3 units for an unchanged/)
  assert.match(toldOf({ changed: result({ 'item.get': 10 }, 4) }), /^10 units for 4 .* 9 are/)
  assert.match(toldOf({ changed: result({}, 3) }), /^3 of 4 changed files were stored/)
  assert.match(toldOf({ renamed: result({ 'content.download': 1 }) }), /^1 downloads for a renamed/)
  assert.match(told({ isRenameKnown: false }).join(), /^the renamed folder still has its old name/)
  assert.match(told({ mb: 400 }).join(), /^the worker took 400 MB/)
  assert.match(told({ mb: undefined }).join(), /could not be measured/)
  assert.match(told({ workerDeaths: 1 }).join(), /^1 workers died/)
})

test('the large file has limits of its own, where there is one', () => {
  const told = (change: Partial<NonNullable<FilesMeasured['large']>>) =>
    filesExceed(fileFigures({ ...GOOD, large: GOOD.large && { ...GOOD.large, ...change } })).join()
  assert.match(told({ mb: 401 }), /^with a file of 5 GB the worker took 401 MB/)
  const less = { ...result({}), bytes: 4_900_000_000 }
  assert.match(told({ result: less }), /^with a file of 5 GB only 4\.9 GB were stored/)
  assert.deepEqual(filesExceed(fileFigures({ ...GOOD, large: undefined })), [])
  // What was given out twice, because a slice ended in a download, makes nothing faster.
  assert.equal(fileFigures(GOOD).large?.mbPerSecond, 2500)
})

test('units to find sites, for permissions and for redirects are told apart', () => {
  const kinds = { 'site.get': 1, 'subsites.list': 2, 'permissions.list': 5, 'content.get': 3 }
  const step = stepFigures(result({ ...kinds, 'content.download': 3, 'drives.list': 2 }))
  assert.deepEqual(
    [step.units, step.discoveryUnits, step.permissionUnits, step.redirectUnits],
    [13, 3, 5, 3],
  )
  assert.deepEqual(
    [step.downloads, step.mb, step.mbPerSecond, step.filesPerSecond],
    [3, 3, 1.5, 1.5],
  )
})

test('rclone has its version beside the ratio, or there is a reason why it is not there', () => {
  const text = (given: FilesMeasured) =>
    stripVTControlCharacters(fileLines(fileFigures(given)).join('\n'))
  assert.match(text(GOOD), /not compared: rclone is not installed/)
  assert.doesNotMatch(text(GOOD), /rclone\/Holdfast/)
  const compared = text({ ...GOOD, rclone: RCLONE })
  assert.match(compared, /Holdfast +rclone v1\.60\.1 +rclone\/Holdfast/)
  assert.match(compared, /units +110 +220 +2\.00 x/)
  assert.match(compared, /of them redirects +0 +100\n/)
  assert.doesNotMatch(compared, /permissions/)
  assert.match(compared, /units to find sites +9 +0\n/)
  assert.match(compared, /MB\/s +50\.0 +50\.0 +1\.00 x/)
  assert.match(compared, /peak memory of rclone +not measured/)
  assert.deepEqual([ratioText(4, 6), ratioText(0, 6)], ['1.50 x', ''])
})
