/**
 * Every way in which the simulated service fails, met by the real client over HTTP: a read comes
 * through or ends with a stated error after a bounded number of attempts, waits are kept, and a
 * create reaches the service once however its answer is lost.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAULT_KINDS, type FaultKind } from '../../sandbox/tenant/fault-kinds.ts'
import {
  type ControlClient,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { type Mailbox, mailboxOf } from '../../src/graph/index.ts'
import { AppError } from '../../src/model/errors.ts'
import type { Clock } from '../../src/ports.ts'
import { graphAs } from './tenant-graph.ts'

/** How much faster time goes for the client than for the test. */
const RATE = 50
const RETRY_AFTER_S = 3
/** `ATTEMPTS_MAX` of the client: a read that meets trouble each time is not asked for more often. */
const ATTEMPTS_MAX = 5
const signal = AbortSignal.timeout(60_000)
const begun = Date.now()
const clock: Clock = {
  now: () => begun + (Date.now() - begun) * RATE,
  sleep: (ms, stop) => sleep(ms / RATE, undefined, { signal: stop }),
}

let tenant: Tenant
let control: ControlClient
let user = ''
let messages: string[] = []

before(async () => {
  tenant = await startTenant({
    seed: { seed: 3, users: 1, messages: 5 },
    settings: { latencyMs: 0, deltaNoise: false },
  })
  control = createControlClient(tenant.controlUrl)
  const { users } = await control.users({})
  user = users.find(({ mailbox }) => mailbox)?.id ?? ''
  // Control characters in a body: they come escaped, unless the fault sends them as they are.
  await control.deliver({ user, subject: 'bell', body: 'a\u0007b' })
  messages = (await control.messages({ user, folder: 'inbox' })).messages.map(({ id }) => id)
})
afterEach(() => control.clearFaults({}))
after(() => tenant.stop())

/** A mailbox of its own for each call: no pause of an earlier test is left over. */
async function mailbox(): Promise<Mailbox> {
  return mailboxOf(await graphAs(RESTORE_CLIENT_ID, { tenant, control }, { clock }), user)
}

const LIST = { name: 'list', path: ['mailFolders', 'inbox', 'messages'] }
const VALUE = () => ({ name: 'value', path: ['messages', messages[0] ?? '', '$value'] })
const CREATE = { name: 'create', method: 'POST' as const, path: ['messages'], body: '{}' }

/**
 * Where the kind names a length of time; the client must not come back earlier. Dates are not
 * here, because client and tenant have clocks of different speed (see src/graph/client.test.ts).
 */
const NAMED_WAIT: ReadonlySet<FaultKind> = new Set([
  ...(['throttled', 'throttled-fraction', 'mailbox-concurrency'] as const),
])
/** How a read ends that meets nothing else. */
const READ_ENDS: Partial<Record<FaultKind, { code: string; attempts: number }>> = {
  'false-404': { code: 'ItemGone', attempts: 3 },
  'invalid-request': { code: 'RequestNotUnderstood', attempts: 3 },
  'expired-token': { code: 'SignInRefused', attempts: 3 },
  // Such a page is asked for again as it was, and then in smaller portions.
  'truncated-json': { code: 'UnreadableAnswer', attempts: 3 },
  throttled: { code: 'Throttled', attempts: ATTEMPTS_MAX },
  'throttled-fraction': { code: 'Throttled', attempts: ATTEMPTS_MAX },
  'throttled-date': { code: 'Throttled', attempts: ATTEMPTS_MAX },
  'throttled-silent': { code: 'Throttled', attempts: ATTEMPTS_MAX },
  'mailbox-concurrency': { code: 'Throttled', attempts: ATTEMPTS_MAX },
}

async function withFault(kind: FaultKind, timesMax: number): Promise<() => Promise<number>> {
  const { id } = await control.addFault({
    path: '/messages',
    action: kind,
    rate: 1,
    timesMax,
    retryAfterSeconds: RETRY_AFTER_S,
  })
  return async () => (await control.listFaults({})).faults.find((f) => f.id === id)?.hits ?? 0
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const ended = await call.then(
    () => '',
    (error: unknown) => error,
  )
  if (ended === '') return ''
  assert.ok(ended instanceof AppError, String(ended))
  return ended.code
}

for (const kind of FAULT_KINDS) {
  test(`${kind} once: a read comes through, and a wait that was named is kept`, async () => {
    const box = await mailbox()
    const hits = await withFault(kind, 1)
    const start = clock.now()
    const code = await codeOf(box.json(LIST, signal))
    assert.equal(code, '')
    assert.equal(await hits(), 1, 'the fault was met')
    if (NAMED_WAIT.has(kind)) assert.ok(clock.now() - start >= RETRY_AFTER_S * 1000)
  })

  test(`${kind} for ever: a read ends after a bounded number of attempts and says why`, async () => {
    if (kind === 'raw-controls') return
    const box = await mailbox()
    const hits = await withFault(kind, 1000)
    const code = await codeOf(box.json(LIST, signal))
    const expected = READ_ENDS[kind] ?? { code: 'GraphUnavailable', attempts: ATTEMPTS_MAX }
    assert.equal(code, expected.code)
    assert.ok((await hits()) <= expected.attempts, `${await hits()} attempts`)
    assert.equal(box.requests(), await hits())
  })

  test(`${kind}: a create is made at most once, and its end is known`, async () => {
    const box = await mailbox()
    const before = (await control.messages({ user, folder: 'drafts' })).messages.length
    await withFault(kind, 1)
    const code = await codeOf(box.json(CREATE, signal))
    const made = (await control.messages({ user, folder: 'drafts' })).messages.length - before
    assert.ok(made <= 1, `${made} were made`)
    if (code === '') assert.equal(made, 1)
    else if (code !== 'AnswerLost' && code !== 'UnreadableAnswer') assert.equal(made, 0, code)
  })
}

test('a message whose body is cut off is fetched again, and comes whole', async () => {
  const box = await mailbox()
  const whole = await (await box.send({ ...VALUE(), answer: 'streamed' }, signal)).text()
  await control.addFault({ path: '\\$value$', action: 'cut-answer' })
  const again = await (await box.send({ ...VALUE(), answer: 'streamed' }, signal)).text()
  // Boundaries are new with each answer, and of the same length.
  assert.equal(again.length, whole.length)
})

test('control characters that come unescaped are the text that was meant', async () => {
  const read = async () => {
    const { value } = await (await mailbox()).json(LIST, signal)
    return JSON.stringify(value)
  }
  const escaped = await read()
  assert.match(escaped, /a\\u0007b/)
  await control.addFault({ path: '/messages', action: 'raw-controls' })
  assert.equal(await read(), escaped)
})
