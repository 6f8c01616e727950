import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Verified } from '../../catalogue/types.ts'
import { keyHash } from '../../model/ids.ts'
import { type Body, linesOf, OTHER, RESOURCE, startApi, type TestApi } from './testing/api.ts'
import {
  ARCHIVE,
  commitOf,
  INBOX,
  MESSAGES,
  message,
  messageKey,
  OWNER,
  SECRET,
} from './testing/held.ts'

type Sums = Record<string, unknown>

const BASE = `v1/resources/${RESOURCE}`
const inbox = keyHash(INBOX)
const BEFORE_DELETION = '2026-02-01T18:00:00Z'

async function commit(api: TestApi, seq: number, n: number, mime?: Uint8Array): Promise<void> {
  const made = commitOf(seq, `2026-02-0${seq}T00:00:00.000Z`, [message(api.contents, n, mime)])
  const options = { secret: new Uint8Array(32), notAfter: api.clock.now() + 1000 }
  await api.catalogue.stream(OWNER, 'mail').apply(made, options, new AbortController().signal)
}

describe('resources and points', () => {
  it('lists resources with their coverage, page by page', async () => {
    const { call } = await startApi()
    const first = await call('GET', 'v1/resources', { query: { max: '1' } })
    const cursor = String(first.json.next)
    const second = await call('GET', 'v1/resources', { query: { max: '1', cursor } })
    const lines = [...linesOf(first), ...linesOf(second)]
    assert.deepEqual(new Set(lines.map((line) => line.id)), new Set([RESOURCE, OTHER]))
    const one = await call('GET', BASE)
    assert.deepEqual(one.json.coverage, {
      state: 'covered',
      dueAt: '2026-03-01T06:00:00.000Z',
      completeAt: '2026-02-28T00:00:00.000Z',
      attempts: 0,
      ledgerOpen: 1,
    })
  })

  it('says verified only of what was opened (P10)', async () => {
    const api = await startApi()
    const verify = (verified: Verified) =>
      api.catalogue.owners.update(
        OWNER,
        (now) => ({ ...now, verified }),
        new AbortController().signal,
      )
    const told = async () => {
      const { coverage } = (await api.call('GET', BASE)).json
      const { owners } = (await api.call('GET', 'v1/status')).json
      return { coverage: coverage as Sums, owners: owners as Sums }
    }
    const before = await told()
    assert.deepEqual(
      [before.owners['neverVerified'], before.coverage['verifiedUntil']],
      [1, undefined],
    )
    await verify({ at: '2026-02-28T03:00:00.000Z', errors: 0, hashes: '2026-02-28T00:00:00.000Z' })
    const hashed = await told()
    assert.equal(hashed.coverage['verifiedUntil'], undefined)
    assert.equal(hashed.coverage['hashedUntil'], '2026-02-28T00:00:00.000Z')
    assert.equal(hashed.owners['neverVerified'], 1)
    const at = '2026-03-01T03:00:00.000Z'
    await verify({ at, errors: 2, opened: '2026-02-01T00:00:00.000Z' })
    const { coverage, owners } = await told()
    assert.equal(coverage['verifiedUntil'], '2026-02-01T00:00:00.000Z')
    assert.deepEqual(coverage['verification'], { endedAt: at, errors: 2 })
    assert.deepEqual(
      [owners['neverVerified'], owners['oldestVerifiedUntil'], owners['damaged']],
      [0, '2026-02-01T00:00:00.000Z', 1],
    )
  })

  it('counts nobody as covered who is backed up no more, and says of none when it is read next', async () => {
    const api = await startApi()
    for (const state of ['gone', 'unprotected'] as const) {
      await api.catalogue.resources.update(
        RESOURCE,
        (now) => now && { ...now, state },
        new AbortController().signal,
      )
      const { owners } = (await api.call('GET', 'v1/status')).json
      assert.deepEqual(owners, {
        ...{ total: 0, kept: 1, coverage: {}, trouble: {}, ledgerOpen: 0, neverComplete: 0 },
        ...{ neverVerified: 0, damaged: 0 },
      })
      const { coverage } = (await api.call('GET', BASE)).json
      assert.deepEqual(
        [(coverage as Body)['dueAt' as never], (coverage as Body).state],
        [undefined, 'covered'],
      )
    }
  })

  it('lists recovery points, newest first, with their counts', async () => {
    const { call } = await startApi()
    const first = await call('GET', `${BASE}/points`, { query: { max: '1' } })
    assert.equal(linesOf(first)[0]?.time, '2026-02-02T00:00:00.000Z')
    const query = { max: '1', cursor: String(first.json.next) }
    const second = await call('GET', `${BASE}/points`, { query })
    assert.equal(linesOf(second)[0]?.seq, 1)
  })

  it('lists the ledger with reasons', async () => {
    const { call } = await startApi()
    const ledger = await call('GET', 'v1/ledger', { query: { resource: RESOURCE } })
    const [line, ...more] = linesOf(ledger)
    assert.deepEqual([line?.reason, line?.code, more.length], ['too-large', 'ItemTooLarge', 0])
  })

  it('says the coverage in sums', async () => {
    const { call } = await startApi()
    const { json } = await call('GET', 'v1/status', { role: 'Viewer' })
    assert.equal(json.ready, true)
    assert.deepEqual(json.resources, { total: 2, states: { protected: 1, unprotected: 1 } })
    const owners = json.owners as Body
    assert.deepEqual([owners.total, owners.ledgerOpen], [1, 1])
  })
})

describe('browsing', () => {
  it('shows the container tree with parents and well-known names', async () => {
    const { call } = await startApi()
    const tree = await call('GET', `${BASE}/containers`)
    assert.deepEqual(linesOf(tree), [
      { id: keyHash(ARCHIVE), name: 'Archiv', parent: inbox },
      { id: inbox, name: 'Posteingang', wellKnownName: 'inbox' },
    ])
  })

  it('lists every item of a container once over pages, newest first', async () => {
    const { call } = await startApi()
    const names: unknown[] = []
    let cursor: string | undefined
    for (let pages = 0; pages < 10; pages++) {
      const query = { container: inbox, max: '7', at: BEFORE_DELETION, ...(cursor && { cursor }) }
      const page = await call('GET', `${BASE}/items`, { query })
      names.push(...linesOf(page).map((line) => line.name))
      if (page.json.next === undefined) break
      cursor = String(page.json.next)
    }
    const expected = Array.from({ length: MESSAGES }, (_, n) => `${SECRET} ${MESSAGES - 1 - n}`)
    assert.deepEqual(names, expected)
  })

  it('a list that is being read stays as of its first page', async () => {
    const api = await startApi()
    const query = { container: inbox, max: '10' }
    const first = await api.call('GET', `${BASE}/items`, { query })
    await commit(api, 3, 99)
    let cursor = String(first.json.next)
    const names = linesOf(first).map((line) => line.name)
    for (let pages = 0; pages < 5 && cursor !== 'undefined'; pages++) {
      const page = await api.call('GET', `${BASE}/items`, { query: { ...query, cursor } })
      assert.equal(page.json.seq, 2)
      names.push(...linesOf(page).map((line) => line.name))
      cursor = String(page.json.next)
    }
    assert.equal(names.length, MESSAGES - 1)
    assert.ok(!names.includes(`${SECRET} 99`))
  })

  it('a deleted item is listed before its deletion and not after', async () => {
    const { call } = await startApi()
    const at = async (time: string) => {
      const query = { container: inbox, max: '1000', at: time }
      return linesOf(await call('GET', `${BASE}/items`, { query })).length
    }
    assert.equal(await at(BEFORE_DELETION), MESSAGES)
    assert.equal(await at('2026-02-03T00:00:00+01:00'), MESSAGES - 1)
  })

  it('shows one item with its forms, its place and how long it is locked', async () => {
    const { call } = await startApi()
    const { json } = await call('GET', `${BASE}/items/${messageKey(3)}`)
    assert.equal(json.container, inbox)
    assert.equal(json.lockedUntil, '2026-04-02T00:00:00.000Z')
    const forms = json.representations as { name: string; bytes: number; sha256: string }[]
    assert.deepEqual(
      forms.map((form) => form.name),
      ['json', 'mime'],
    )
  })
})

describe('content', () => {
  const path = `${BASE}/items/${messageKey(3)}/content`

  it('is the message as a file with a safe name', async () => {
    const { call } = await startApi()
    const answer = await call('GET', path, { role: 'Reader' })
    assert.equal(answer.status, 200)
    assert.equal(answer.text, `Subject: ${SECRET} 3\r\n\r\nBody of 3\r\n`)
    const header = (name: string) => answer.headers.get(name)
    assert.equal(header('content-type'), 'message/rfc822')
    assert.equal(header('content-length'), String(answer.bytes.length))
    assert.equal(header('x-content-type-options'), 'nosniff')
    assert.equal(header('cache-control'), 'no-store')
    assert.equal(
      header('content-disposition'),
      `attachment; filename="Geheim Ubernahme 3.eml"; filename*=UTF-8''Geheim%20%C3%9Cbernahme%203.eml`,
    )
  })

  it('as json is the answer of Graph, without our metadata', async () => {
    const { call } = await startApi()
    const answer = await call('GET', path, { role: 'Reader', query: { as: 'json' } })
    assert.deepEqual(answer.json, { subject: `${SECRET} 3`, n: 3 })
  })

  it('of a large message is streamed byte for byte', async () => {
    const api = await startApi()
    const mime = randomBytes(9 * 1024 * 1024)
    await commit(api, 3, 50, mime)
    const large = `${BASE}/items/${messageKey(50)}/content`
    const answer = await api.call('GET', large, { role: 'Reader' })
    assert.equal(answer.headers.get('content-length'), String(mime.length))
    assert.ok(mime.equals(answer.bytes))
  })

  it('of a deleted item is there before the deletion and refused after', async () => {
    const { call } = await startApi()
    const gone = `${BASE}/items/${messageKey(0)}/content`
    const before = await call('GET', gone, { role: 'Reader', query: { at: BEFORE_DELETION } })
    assert.equal(before.status, 200)
    const after = await call('GET', gone, { role: 'Reader' })
    assert.deepEqual([after.status, after.json.code], [404, 'ItemDeleted'])
  })

  it('of a folder has no mime form', async () => {
    const { call } = await startApi()
    const answer = await call('GET', `${BASE}/items/${inbox}/content`, { role: 'Reader' })
    assert.deepEqual([answer.status, answer.json.code], [404, 'RepresentationMissing'])
  })

  it('whose keys were erased is gone, and says so', async () => {
    const api = await startApi()
    api.faults.keyMissing = true
    const answer = await api.call('GET', path, { role: 'Reader' })
    assert.deepEqual([answer.status, answer.json.code], [410, 'KeyMissing'])
    assert.equal(answer.headers.get('content-disposition'), null)
  })

  it('is not shown where it cannot be recorded', async () => {
    const api = await startApi()
    api.faults.audit = true
    const answer = await api.call('GET', path, { role: 'Reader' })
    assert.ok(answer.status >= 500)
    assert.ok(!answer.text.includes('Body of'))
  })

  it('that was read is in the audit, by opaque ids', async () => {
    const api = await startApi()
    await api.call('GET', path, { role: 'Reader' })
    const rows = api.tables.dump('audit').map(([, values]): Body => values)
    assert.equal(rows.length, 1)
    const [row] = rows
    assert.deepEqual([row?.action, row?.by], ['content-read', api.authority.oid])
    assert.deepEqual(JSON.parse(String(row?.subject)), {
      item: messageKey(3),
      resource: RESOURCE,
      seq: 2,
      workload: 'mail',
    })
    const month = await api.store.verifyMonth('2026-03', new AbortController().signal)
    assert.equal(month.rows, 1)
  })
})

describe('what is not there', () => {
  const cases: [string, string, Record<string, string>, number, string][] = [
    ['a resource', `v1/resources/${keyHash('nobody')}`, {}, 404, 'ResourceUnknown'],
    ['one never protected', `v1/resources/${OTHER}/points`, {}, 409, 'NotProtected'],
    ['a container', `${BASE}/items`, { container: keyHash('no folder') }, 404, 'ContainerUnknown'],
    [
      'an item as container',
      `${BASE}/items`,
      { container: messageKey(1) },
      404,
      'ContainerUnknown',
    ],
    ['an item', `${BASE}/items/${keyHash('no item')}`, {}, 404, 'ItemUnknown'],
    [
      'a time before all',
      `${BASE}/containers`,
      { at: '2020-01-01T00:00:00Z' },
      404,
      'BeforeFirstPoint',
    ],
    ['a run', 'v1/runs/20260101T000000Z-aaaa', {}, 404, 'RunUnknown'],
    ['a restore', 'v1/restores/aaaa', {}, 404, 'JobUnknown'],
    ['a report', 'v1/restores/aaaa/items', {}, 404, 'JobUnknown'],
  ]
  for (const [name, path, query, status, code] of cases) {
    it(`${name} is a problem that helps`, async () => {
      const { call } = await startApi()
      const answer = await call('GET', path, { query })
      assert.deepEqual([answer.status, answer.json.code], [status, code])
      assert.ok(String(answer.json.hint).length > 20)
    })
  }
})
