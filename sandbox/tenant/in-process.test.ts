import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKUP_CLIENT_ID, openTenant } from './index.ts'

test('a download without servers is whole, or cut where a fault says so', async (t) => {
  const tenant = await openTenant({ clock: Date.now, settings: { latencyMs: 0 } })
  t.after(() => tenant.close())
  const { control, send } = tenant
  const { drive } = await control.createSite({ path: '/sites/a' })
  const text = 'x'.repeat(600_000)
  const { id } = await control.putFile({ drive, path: 'a.txt', text })
  const { token } = await control.issueAppToken({ clientId: BACKUP_CLIENT_ID })
  const content = `${tenant.url}/v1.0/drives/${drive}/items/${id}/content`
  const redirect = await send(
    new Request(content, { headers: { authorization: `Bearer ${token}` } }),
  )
  const url = redirect.headers.get('location') ?? ''
  assert.equal(await (await send(new Request(url))).text(), text)
  await control.addFault({ path: '^/download/', action: 'cut-answer' })
  const cut = await send(new Request(url))
  assert.equal(cut.headers.get('content-length'), '600000')
  await assert.rejects(cut.text(), /cut/)
})
