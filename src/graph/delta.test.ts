import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { readDeltaPage } from './delta.ts'
import { createDirectory } from './directory.ts'
import { EMPTY_PAGES_MAX, WalkGuard, walkPages } from './paging.ts'
import { BASE_URL, graphError, graphOn, json, scripted } from './testing/scripted.ts'

const signal = new AbortController().signal
const NEXT = '@odata.nextLink'
const DELTA = '@odata.deltaLink'

function read(answers: Record<string, unknown>[], sizes = [100]) {
  let at = 0
  const seen: number[] = []
  const page = readDeltaPage({
    call: 'x.delta',
    link: null,
    guard: new WalkGuard('x.delta'),
    sizes,
    read: async (_, size) => {
      seen.push(size)
      at += 1
      return answers[at - 1] ?? {}
    },
  })
  return { page, seen }
}

test('removed entries are told apart, and of each id the last occurrence counts', async () => {
  const gone = (id: string) => ({ id, '@removed': { reason: 'deleted' } })
  const value = [{ id: 'a' }, gone('b'), { id: 'a', n: 2 }, gone('back'), { id: 'back' }]
  const { page } = read([{ value: [...value, { id: 'late' }, gone('late')], [DELTA]: 'd' }])
  assert.deepEqual(await page, {
    items: [{ id: 'a', n: 2 }, { id: 'back' }],
    removed: [
      { id: 'b', reason: 'deleted' },
      { id: 'late', reason: 'deleted' },
    ],
    delta: 'd',
  })
})

test('a page that was cut off is asked for again in smaller portions', async () => {
  const { page, seen } = read([{}, { value: [] }, { value: [], [NEXT]: 'n' }], [100, 10, 1])
  assert.equal((await page).next, 'n')
  assert.deepEqual(seen, [100, 10, 1])
  await assert.rejects(read([{ value: [{}], [NEXT]: 'n' }]).page, (e) =>
    hasCode(e, 'UnreadableAnswer'),
  )
  await assert.rejects(read([{ value: [], [NEXT]: 'n', [DELTA]: 'd' }]).page, (e) =>
    hasCode(e, 'UnreadableAnswer'),
  )
})

test('a repeated link and endless empty pages end the walk; reading a page again does not', () => {
  const page = (next: string, items: Record<string, unknown>[] = [{}]) => ({ items, next })
  const guard = new WalkGuard('x')
  guard.check(null, page('1'))
  guard.check('1', page('2'))
  guard.check('1', page('2'))
  guard.check(null, page('1'))
  guard.check('1', page('2'))
  assert.throws(
    () => guard.check('2', page('1')),
    (e) => hasCode(e, 'EndlessPages'),
  )
  assert.throws(
    () => new WalkGuard('x').check('1', page('1')),
    (e) => hasCode(e, 'EndlessPages'),
  )
  const empty = new WalkGuard('x')
  assert.throws(
    () => {
      for (let at = 0; at <= EMPTY_PAGES_MAX; at += 1) empty.check(`${at}`, page(`${at + 1}`, []))
    },
    (e) => hasCode(e, 'EndlessPages'),
  )
})

test('a list is walked over empty pages to its end', async () => {
  const pages: Record<string, Record<string, unknown>> = {
    first: { value: [{ id: 'a' }], [NEXT]: '2' },
    '2': { value: [], [NEXT]: '3' },
    '3': { value: [{ id: 'b' }] },
  }
  const all: unknown[] = []
  for await (const items of walkPages('x', async (link) => pages[link ?? 'first'] ?? {})) {
    all.push(...items)
  }
  assert.deepEqual(all, [{ id: 'a' }, { id: 'b' }])
})

const exchangePlan = { service: 'exchange', capabilityStatus: 'Enabled' }

test('why there is no mailbox is told as far as the directory knows it', async () => {
  const noMailbox = () => graphError(404, 'MailboxNotEnabledForRESTAPI')
  const { transport } = scripted(
    noMailbox,
    () => json({ assignedPlans: [], onPremisesSyncEnabled: true }),
    noMailbox,
    () => json({ assignedPlans: [{ ...exchangePlan, capabilityStatus: 'Deleted' }] }),
    noMailbox,
    () => graphError(403, 'Authorization_RequestDenied'),
    () => graphError(404, 'ErrorInvalidUser'),
  )
  const directory = createDirectory(graphOn(transport).graph, 'tenant')
  const codes: unknown[] = []
  for (let n = 0; n < 4; n += 1) codes.push(await directory.mailbox('u', signal))
  assert.deepEqual(
    codes,
    ['MailboxOnPremises', 'NoExchangePlan', 'MailboxNotEnabledForRESTAPI', 'ErrorInvalidUser'].map(
      (code) => ({ state: 'not-provisioned', code }),
    ),
  )
})

test('only the directory’s own word says that a user is gone', async () => {
  const empty = () => new Response(null, { status: 404 })
  const { transport } = scripted(
    () => json({ id: 'u' }),
    () => graphError(404, 'Request_ResourceNotFound'),
    ...[empty, empty, empty],
  )
  const directory = createDirectory(graphOn(transport).graph, 'tenant')
  assert.equal(await directory.exists('u', signal), true)
  assert.equal(await directory.exists('u', signal), false)
  await assert.rejects(directory.exists('u', signal), (e) => hasCode(e, 'ItemGone'))
})

test('users are read with their soft deletions, and mailboxes with their states', async () => {
  const { transport, seen } = scripted(
    () =>
      json({
        value: [
          { id: 'u', mail: null, accountEnabled: false },
          { id: 'v', '@removed': { reason: 'changed' } },
        ],
        [DELTA]: `${BASE_URL}/v1.0/users/delta?$deltatoken=1`,
      }),
    () => json({ primaryMailboxId: 'MBX:1@2' }),
    () => json({ userPurpose: 'shared' }),
    () => graphError(404, 'MailboxNotEnabledForRESTAPI'),
    () => json({ id: 'u', assignedPlans: [exchangePlan] }),
    () => graphError(403, 'ErrorAccessDenied'),
  )
  const directory = createDirectory(graphOn(transport).graph, 'tenant')
  const page = await directory.users(null, signal)
  assert.equal(page.users[0]?.accountEnabled, false)
  assert.deepEqual(page.removed, [{ id: 'v', restorable: true }])
  assert.equal(seen[0]?.headers.get('x-ms-throttle-priority'), 'low')
  assert.deepEqual(await directory.mailbox('u', signal), { state: 'ready', purpose: 'shared' })
  assert.deepEqual(await directory.mailbox('u', signal), {
    state: 'not-provisioned',
    code: 'MailboxNotEnabledForRESTAPI',
  })
  assert.deepEqual(await directory.mailbox('u', signal), { state: 'refused', code: 'AccessDenied' })
  assert.equal(directory.requests(), 6)
})
