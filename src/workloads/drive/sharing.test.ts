import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharePointOf } from '../../graph/index.ts'
import { graphError, graphOn, json, type Step, scripted } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import { heldPermissions, readPermissions } from './permissions.ts'
import { BASE, DRIVE, driveOn, NEXT } from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const ITEM = `${DRIVE}/a` as GraphId

function sharePointOn(...steps: Step[]) {
  const script = scripted(...steps)
  return { ...script, sharePoint: sharePointOf(graphOn(script.transport).graph, 'tenant') }
}

const link = {
  ...{ id: 'l', roles: ['read'], shareId: 'u!secret', hasPassword: false },
  link: { type: 'view', scope: 'anonymous', webUrl: 'https://secret' },
}
const direct = { id: 'd', roles: ['write'], grantedToV2: { user: { id: 'ada' } } }
const inherited = { id: 'i', roles: ['owner'], inheritedFrom: { id: 'x' } }

test('who may see an item is read whole, five units a page, without what opens it', async () => {
  const next = `${BASE}/drives/d/items/a/permissions?$skiptoken=2`
  const { sharePoint, seen } = sharePointOn(
    () => json({ value: [link, inherited], [NEXT]: next }),
    () => json({ value: [direct] }),
  )
  const found = await readPermissions(sharePoint, ITEM, signal)
  assert.deepEqual(
    found.own.map(({ id }) => id),
    ['d', 'l'],
  )
  assert.doesNotMatch(JSON.stringify(found), /secret/)
  assert.deepEqual([sharePoint.units(), sharePoint.permissionUnits()], [10, 10])
  assert.match(decodeURIComponent(seen[0]?.url ?? ''), /items\/a\/permissions$/)
})

test('equal permissions are held as equal bytes, whatever their order and their addresses', () => {
  const held = (...all: object[]) => JSON.stringify(heldPermissions(all.map((one) => ({ ...one }))))
  assert.equal(held(link, direct), held(direct, { ...link, shareId: 'other' }, inherited))
  assert.notEqual(held(link, direct), held({ ...link, roles: ['write'] }, direct))
  assert.notEqual(held(link, direct), held(direct))
})

test('permissions are a part of the version; trouble with them is the item’s, or is thrown', async () => {
  const answers: Step[] = [
    () => json({ value: [direct] }),
    () => graphError(404, 'itemNotFound'),
    () => graphError(403, 'accessDenied'),
    () => graphError(429, 'activityLimitReached', { 'Retry-After': '300' }),
  ]
  const { reader } = driveOn({ [`drives/${DRIVE}/items/a/permissions`]: answers })
  const item = { id: ITEM } as Present
  const ask = async () => await reader.permissions?.(item, signal)
  const found = await ask()
  assert.equal(found?.outcome, 'content')
  const [part] = found?.outcome === 'content' ? found.parts : []
  assert.equal(part?.name, 'permissions')
  for await (const bytes of part?.bytes ?? []) {
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString()), { own: [direct] })
  }
  assert.deepEqual(await ask(), { outcome: 'gone' })
  const refused = await ask()
  assert.equal(refused?.outcome === 'ledger' && refused.code, 'AccessDenied')
  await assert.rejects(ask, (error) => hasCode(error, 'Throttled'))
  assert.equal(reader.units?.().permissions, 20)
})

test('a drive is asked for permissions at its root', async () => {
  const { sharePoint, seen } = sharePointOn(() => json({ value: [] }))
  await readPermissions(sharePoint, DRIVE, signal)
  assert.match(decodeURIComponent(seen[0]?.url ?? ''), /root\/permissions$/)
})
