import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFidelity } from '../verdict/index.ts'
import type { RestoreLine, Run } from './api-client.ts'
import type { BackupResult } from './backup.ts'
import type { ImportProof } from './import-proof.ts'
import { type Day, reportOf } from './report.ts'
import { reportText } from './report-text.ts'
import type { RestoreResult } from './restore.ts'

const COUNTS = {
  ...{ seen: 3, stored: 3, restated: 0, unchanged: 0, left: 0 },
  ...{ deleted: 0, ledger: 0, excluded: 0 },
}
const RUN: Run = {
  ...{
    id: 'r',
    state: 'done',
    wave: 0,
    counts: COUNTS,
    requests: 4,
    units: { all: 0, permissions: 0 },
    bytes: 2_000_000,
  },
  owners: { total: 1, queued: 0, claimed: 0, done: 1, wait: 0, failed: 0 },
  troubles: {},
}
const BACKUP: BackupResult = {
  ...{ run: RUN, counts: COUNTS, bytes: RUN.bytes, seconds: 1.23 },
  requests: {
    requests: { 'messages.value': 3, 'users.delta': 1 },
    throttled: {},
    statuses: {},
    mailboxes: {},
    units: { total: 0, permissions: 0, kinds: {}, apps: {} },
    ...{ downloads: 0, bytesOut: 0 },
  },
}

function restoreOf(lines: Partial<RestoreLine>[], counts: Record<string, number>): RestoreResult {
  const full = lines.map((line, n): RestoreLine => {
    return { n, kind: 'item', name: `m${n}`, outcome: 'restored', ...line }
  })
  const totals = { folders: 0, items: full.length, restore: full.length, copy: 0, skip: 0 }
  return {
    job: { id: 'j', state: 'done', totals, counts, requestsSent: 2 },
    ...{ lines: full, seconds: 1 },
  }
}

const fidelity = parseFidelity('| field | when |\n|-|-|\n| `id` | always |\n')
const DAY: Day = {
  ...{ backup: BACKUP, cases: [], events: ['mail was lost'], wishes: ['the mail'] },
  restores: [restoreOf([{ check: 'verified' }], { restored: 1, verified: 1 })],
}
const good = {
  ...{ first: BACKUP, mistakes: DAY, fidelity, proof: undefined, mailsSent: 0 },
  ransomware: { ...DAY, encrypted: 2, deleted: 1 },
}

test('the document has the members that callers rely on', () => {
  const { ok, reasons, backup, restore } = reportOf(good)
  assert.deepEqual([ok, reasons], [true, []])
  const { items, stored, ledger, requests, seconds } = backup
  assert.deepEqual([items, stored, ledger, requests, seconds], [3, 3, 0, 4, 1.2])
  const { planned, restored, verified, differs, refused, failed } = restore
  assert.deepEqual([planned, restored, verified, differs, refused, failed], [1, 1, 1, 0, 0, 0])
  assert.match(reportText(reportOf(good)), /Everything came back/)
})

const bad: [string, RestoreResult, RegExp][] = [
  ['an item that failed', restoreOf([{ outcome: 'failed' }], { failed: 1 }), /not be restored/],
  ['a folder that failed', restoreOf([], { foldersFailed: 1 }), /not be restored/],
  ['an unknown end', restoreOf([{ outcome: 'unknown' }], { unknown: 1 }), /nobody knows/],
  ['a refusal without a type', restoreOf([{ outcome: 'refused' }], { refused: 1 }), /type/],
  [
    'a difference that is not listed',
    restoreOf([{ check: 'differs', fields: ['id', 'flag'] }], { restored: 1, differs: 1 }),
    /unlisted fields differ: flag$/,
  ],
]
for (const [what, result, reason] of bad) {
  test(`${what} is a reason not to be ok`, () => {
    const report = reportOf({ ...good, mistakes: { ...DAY, restores: [result] } })
    assert.equal(report.ok, false)
    assert.match(report.reasons.join('; '), reason)
    const attack = reportOf({ ...good, ransomware: { ...good.ransomware, restores: [result] } })
    assert.match(attack.reasons.join('; '), /^on the ransomware day, /)
    assert.match(reportText(report), /Not everything is as it should be/)
  })
}

test('a refusal with a type, and a listed difference, are fine', () => {
  const lines: Partial<RestoreLine>[] = [
    { outcome: 'refused', code: 'needs-exact-lane' },
    { check: 'differs', fields: ['id'] },
  ]
  const restores = [restoreOf(lines, { refused: 1, restored: 1, differs: 1 })]
  assert.equal(reportOf({ ...good, mistakes: { ...DAY, restores } }).ok, true)
})

test('an attack that hit nothing shows nothing', () => {
  const report = reportOf({ ...good, ransomware: { ...good.ransomware, encrypted: 0 } })
  assert.match(report.reasons.join('; '), /hit nothing/)
})

test('a mail about sharing that a restore caused is a reason', () => {
  assert.match(reportOf({ ...good, mailsSent: 2 }).reasons.join('; '), /2 mails about sharing/)
})

test('what is wrong with files is told as such, of either day', () => {
  const files = {
    ...{ restores: [restoreOf([{ outcome: 'failed' }], { failed: 1 })], cases: [] },
    ...{ events: ['files were lost'], wishes: ['the files'] },
  }
  const report = reportOf({ ...good, mistakes: { ...DAY, files } })
  assert.match(report.reasons.join('; '), /^of files, 1 item could not be restored/)
  assert.equal(report.files?.restore.failed, 1)
  assert.match(reportText(report), /Files: what was asked back/)
  const hit = { ...files, restores: [], encrypted: 0, deleted: 0 }
  const attack = reportOf({ ...good, ransomware: { ...good.ransomware, files: hit } })
  assert.match(attack.reasons.join('; '), /the ransomware hit no files/)
})

test('imported mail that is not accounted for is a reason', () => {
  const proof: ImportProof = {
    ...{ ok: false, messages: 2, stored: 1, ledger: [], ledgerIds: [] },
    ...{ unaccounted: ['Lost letter'], mimeIdentical: 1, mimeDiffering: [] },
  }
  const report = reportOf({ ...good, proof: { ...proof, refusedFiles: [] } })
  assert.equal(report.ok, false)
  assert.match(reportText(report), /unaccounted for: "Lost letter"/)
})
