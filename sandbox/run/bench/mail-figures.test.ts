import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupResult } from '../backup.ts'
import { mailboxRequests } from '../budget.ts'
import { type MailMeasured, mailExceeds, mailFigures } from './mail-figures.ts'

const NO_COUNTS = {
  ...{ seen: 0, stored: 0, restated: 0, unchanged: 0, left: 0 },
  ...{ deleted: 0, ledger: 0, excluded: 0 },
}

const NO_DRIVES = {
  units: { total: 0, permissions: 0, kinds: {}, apps: {} },
  ...{ downloads: 0, bytesOut: 0 },
}

/** A run of two mailboxes, by what each of them took. */
function result(
  counts: Partial<BackupResult['counts']>,
  ...mailboxes: Record<string, number>[]
): BackupResult {
  const all = { ...NO_COUNTS, ...counts }
  const owners = { total: 2, queued: 0, claimed: 0, done: 2, wait: 0, failed: 0 }
  const requests: Record<string, number> = {}
  for (const [kind, count] of mailboxes.flatMap((kinds) => Object.entries(kinds))) {
    requests[kind] = (requests[kind] ?? 0) + count
  }
  const byUser = Object.fromEntries(mailboxes.map((kinds, n) => [`u${n}`, kinds]))
  return {
    run: {
      ...{
        id: 'r',
        state: 'done',
        wave: 0,
        counts: all,
        requests: 0,
        units: { all: 0, permissions: 0 },
        bytes: 0,
      },
      ...{ owners, troubles: {} },
    },
    ...{ counts: all, bytes: 0, seconds: 1 },
    requests: { requests, throttled: {}, statuses: {}, mailboxes: byUser, ...NO_DRIVES },
  }
}

const hint = { 'mailFolders.delta': 1 }
const round = { 'mailFolders.delta': 3, 'messages.delta': 15 }

/** Everything at its limit. */
const GOOD: MailMeasured = {
  first: result({ stored: 100 }, { 'messages.value': 110 }),
  quiet: result({}, round, round),
  unchanged: result({}, hint, hint),
  incremental: result({ stored: 4 }, { ...round, 'messages.value': 3 }, { 'messages.value': 1 }),
  delivered: 4,
  flags: result({ restated: 9 }, round, round),
  flagged: 9,
  folders: new Map([
    ['u0', 14],
    ['u1', 30],
  ]),
  ...{ messages: 100, mailboxes: 2, mb: 399.9, workerDeaths: 0 },
}

test('each limit is told when it is exceeded, and only then', () => {
  const told = (change: Partial<MailMeasured>) =>
    mailExceeds(mailFigures({ ...GOOD, ...change })).join()
  assert.deepEqual(mailExceeds(mailFigures(GOOD)), [])
  assert.match(told({ first: result({ stored: 100 }, { x: 111 }) }), /1\.110 requests/)
  assert.match(told({ mb: 400 }), /400 MB/)
  assert.match(told({ workerDeaths: 2 }), /2 workers died/)
  assert.match(told({ first: result({ stored: 99 }) }), /only 99 of 100/)
  assert.match(told({ unchanged: result({}, hint, {}) }), /0 to 1 requests for an unchanged/)
  assert.match(told({ unchanged: result({}, hint, round) }), /1 to 18 requests for an unchanged/)
  assert.match(told({ delivered: 3 }), /4 requests for 3 new messages.*4 of 3/)
  const long = { ...round, 'messages.delta': 16 }
  assert.match(told({ incremental: result({ stored: 4 }, long) }), /18 requests .* 17 are allowed/)
  const fetched = result({ restated: 9 }, { ...round, 'messages.value': 1 })
  assert.match(told({ flags: fetched }), /1 content requests for flags/)
  assert.match(told({ flagged: 10 }), /9 of 10 flags/)
})

test('what confirms and what looks for hidden folders is counted apart', () => {
  const kinds = { ...round, 'mailFolders.delta': 5, 'childFolders.list': 2, 'message.get': 4 }
  const { requests } = result({}, kinds)
  assert.deepEqual(mailboxRequests(requests, new Map([['u0', 15]])), [
    { total: 26, content: 4, confirming: 3, hidden: 2, beside: 17, folders: 15 },
  ])
})

test('memory that could not be measured is not within its limit', () => {
  const figures = mailFigures({ ...GOOD, mb: undefined })
  assert.match(mailExceeds(figures).join(), /could not be measured/)
})
