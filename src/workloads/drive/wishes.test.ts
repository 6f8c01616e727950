import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../graph/index.ts'
import { inForce, kindOfPermission, nameOfPermission, wishOf } from './wishes.ts'

const NOW = Date.parse('2026-11-21T00:00:00Z')
const LATER = '2026-12-01T00:00:00Z'
const ann = { user: { id: 'guid-ann', displayName: 'Ann', email: 'ann@x.example' } }

const grant = (set: JsonObject, more: JsonObject = {}): JsonObject => ({
  ...{ id: '1', roles: ['read'], grantedToV2: set },
  ...more,
})
const link = (more: JsonObject = {}, of: JsonObject = {}): JsonObject => ({
  ...{ id: '2', roles: ['read'], hasPassword: false },
  link: { type: 'view', scope: 'organization', preventsDownload: false, ...of },
  ...more,
})

test('a person is invited by directory id, signed in, silently, and beside whom the folder lets in', () => {
  assert.deepEqual(wishOf(grant(ann, { expirationDateTime: LATER }), NOW), {
    action: 'invite',
    body: {
      recipients: [{ objectId: 'guid-ann' }],
      roles: ['read'],
      requireSignIn: true,
      sendInvitation: false,
      retainInheritedPermissions: true,
      expirationDateTime: LATER,
    },
  })
})

test('a group is invited like a person; who has no directory id, by address', () => {
  const recipients = (set: JsonObject) => {
    const wish = wishOf(grant(set), NOW)
    return 'body' in wish ? wish.body['recipients'] : wish.code
  }
  assert.deepEqual(recipients({ group: { id: 'guid-team' } }), [{ objectId: 'guid-team' }])
  assert.deepEqual(recipients({ user: { email: 'eve@else.example' } }), [
    { email: 'eve@else.example' },
  ])
  // A number within the site, which names somebody else in another one.
  const siteUser = { siteUser: { id: '12', email: 'ann@x.example' } }
  assert.deepEqual(recipients(siteUser), [{ email: 'ann@x.example' }])
  assert.deepEqual(recipients({ ...siteUser, ...ann }), [{ objectId: 'guid-ann' }])
  assert.equal(recipients({ siteUser: { id: '12' } }), 'PersonUnknown')
})

test('a link that prevents downloads is made as one that does', () => {
  const wish = wishOf(link({}, { preventsDownload: true }), NOW)
  assert.ok('body' in wish)
  assert.deepEqual(wish.body, {
    ...{ type: 'blocksDownload', scope: 'organization', sendNotification: false },
    retainInheritedPermissions: true,
  })
})

test('a link is for all of its people, or is not made', () => {
  const to = (...people: JsonObject[]) =>
    wishOf(link({ grantedToIdentitiesV2: people }, { scope: 'users' }), NOW)
  const wish = to(ann)
  assert.ok('body' in wish)
  assert.deepEqual(wish.body['recipients'], [{ objectId: 'guid-ann' }])
  for (const people of [[], [ann, { siteUser: { id: '12' } }]]) {
    const none = to(...people)
    assert.equal('code' in none && none.code, 'LinkPeopleUnknown')
  }
})

test('what somebody has at least is in force, from wherever', () => {
  const inherited = { inheritedFrom: { id: 'folder' } }
  const wanted = grant(ann, { roles: ['write'] })
  const has = (...there: JsonObject[]) => inForce(wanted, there) !== undefined
  assert.ok(has(grant(ann, { roles: ['owner'], ...inherited })))
  assert.ok(has(grant(ann, { roles: ['write'] })))
  assert.ok(!has(grant(ann)), 'reading is less')
  assert.ok(!has(grant(ann, { roles: ['write'], expirationDateTime: LATER })), 'it ends')
  assert.ok(!has(grant({ user: { id: 'guid-bob' } }, { roles: ['write'] })))
})

test('a link is in force that is the same, of the item itself, and lasts no longer', () => {
  const wanted = link({ expirationDateTime: LATER })
  const has = (...there: JsonObject[]) => inForce(wanted, there) !== undefined
  assert.ok(has(link({ expirationDateTime: LATER })))
  assert.ok(!has(link()), 'it never ends')
  assert.ok(!has(link({ expirationDateTime: LATER, inheritedFrom: { id: 'folder' } })))
  assert.ok(!has(link({ expirationDateTime: LATER }, { type: 'edit' })))
  assert.ok(!has(link({ expirationDateTime: LATER, hasPassword: true })))
})

test('people are named for people alone, and kinds for everybody', () => {
  assert.equal(nameOfPermission(grant(ann)), 'Ann, read')
  assert.equal(kindOfPermission(grant(ann)), 'user read')
  assert.equal(nameOfPermission(link()), 'link, view, organization')
  assert.equal(kindOfPermission(link()), 'link view organization')
})
