import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { RESTORE_CLIENT_ID } from '../identities.ts'
import { type Bench, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const INBOX = `/users/${ADA}/mailFolders/inbox/messages`

async function start(t: TestContext): Promise<Bench> {
  return await startBench(t, {
    seed: { seed: 3, users: 1, messages: 12 },
    settings: { deltaNoise: false },
  })
}

/** The answer as it comes over the wire. */
async function wire({ tenant, control }: Bench, path: string, size: number): Promise<string> {
  const { token } = await control.issueAppToken({ clientId: RESTORE_CLIENT_ID })
  const response = await fetch(`${tenant.url}/v1.0${path}`, {
    headers: {
      authorization: `Bearer ${token}`,
      prefer: `IdType="ImmutableId", odata.maxpagesize=${size}`,
    },
  })
  assert.equal(response.status, 200)
  return await response.text()
}

test('a page with one message that cannot be rendered ends after its beginning', async (t) => {
  const bench = await start(t)
  const { id } = await bench.control.deliver({ user: ADA, subject: 'not to be shown' })
  await bench.control.setUnrenderable({ user: ADA, message: id, form: 'always' })
  assert.match(await wire(bench, `${INBOX}/delta`, 100), /"value":\[$/)
  assert.match(await wire(bench, `${INBOX}?$top=100`, 100), /"value":\[$/)
  assert.match(await wire(bench, `${INBOX}/delta?$select=id`, 100), /"value":\[$/)
  JSON.parse(await wire(bench, `${INBOX}/delta`, 1))
  const one = await wire(bench, `/users/${ADA}/messages/${encodeURIComponent(id)}`, 1)
  assert.equal(JSON.parse(one).subject, 'not to be shown', 'by itself it can be read')
  await bench.control.setUnrenderable({ user: ADA, message: id, form: null })
  JSON.parse(await wire(bench, `${INBOX}/delta`, 100))
})

test('some can be rendered where nobody asks for addresses', async (t) => {
  const bench = await start(t)
  const { id } = await bench.control.deliver({ user: ADA, subject: 'odd address' })
  await bench.control.setUnrenderable({ user: ADA, message: id, form: 'with-recipients' })
  assert.match(await wire(bench, `${INBOX}/delta?$select=id,toRecipients`, 100), /"value":\[$/)
  JSON.parse(await wire(bench, `${INBOX}/delta?$select=id,subject`, 100))
})

test('a page that is too large to be put together breaks off, a smaller one does not', async (t) => {
  const bench = await start(t)
  for (let n = 0; n < 3; n += 1) await bench.control.deliver({ user: ADA, subject: `mail ${n}` })
  await bench.control.settings({ renderedItemsMax: 2 })
  assert.match(await wire(bench, `${INBOX}/delta`, 3), /"value":\[$/)
  assert.equal(JSON.parse(await wire(bench, `${INBOX}/delta`, 2)).value.length, 2)
})
