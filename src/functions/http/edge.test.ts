/**
 * Failures at the edge: always an answer with a body, never a text of the error (P9).
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { type Answer, RESOURCE, startApi, type TestApi } from './testing/api.ts'
import { INBOX, messageKey, SECRET } from './testing/held.ts'

const LINK = 'https://graph.microsoft.com/v1.0/x?$deltatoken=abc'
const content = `v1/resources/${RESOURCE}/items/${messageKey(3)}/content`

async function failing(api: TestApi, error: unknown): Promise<Answer> {
  api.deps.catalogue = { ...api.catalogue, ready: () => Promise.reject(error) }
  return api.call('GET', 'v1/status')
}

describe('a failed call', () => {
  it('with an unknown error is a 500 whose id is in the log, without its text', async () => {
    const api = await startApi()
    const cause = Object.assign(new Error(LINK), { code: 'ECONNRESET' })
    const answer = await failing(api, new TypeError(`cannot read ${SECRET}`, { cause }))
    assert.deepEqual([answer.status, answer.json.code], [500, 'Unexpected'])
    const occurrence = String(answer.json.instance).split(':').at(-1) ?? ''
    assert.match(occurrence, /^[0-9a-f]{16}$/)
    const [line] = api.logged.filter((logged) => logged.includes(occurrence))
    assert.ok(line?.includes('TypeError < Error ECONNRESET'), line)
    assert.ok(!`${answer.text}${line}`.includes(SECRET))
    assert.ok(!`${answer.text}${line}`.includes('deltatoken'))
  })

  it('whose error has a stack of names tells no name', async () => {
    const api = await startApi()
    const error = new Error(`first line\n    at ${SECRET} (somewhere)\n    at Geheim (x)`)
    await failing(api, error)
    assert.ok(!api.logged.join().includes('Geheim'))
  })

  it('with a thrown text, nothing or an object is a 500 with a body', async () => {
    for (const thrown of [SECRET, undefined, null, { message: SECRET }]) {
      const api = await startApi()
      const answer = await failing(api, thrown)
      assert.deepEqual([answer.status, answer.json.code], [500, 'Unexpected'])
      assert.ok(!`${answer.text}${api.logged.join()}`.includes('Geheim'))
    }
  })

  it('with a defect of ours tells nothing of it', async () => {
    const api = await startApi()
    const error = new AppError({ code: 'InvariantBroken', kind: 'bug', message: SECRET })
    const answer = await failing(api, error)
    assert.deepEqual([answer.status, answer.json.code], [500, 'Unexpected'])
    assert.ok(!answer.text.includes(SECRET))
    assert.ok(api.logged.join().includes('InvariantBroken'))
  })

  it('with a code that is not listed gets the status of its kind', async () => {
    const kinds = [
      ['transient', 503],
      ['throttled', 503],
      ['permanent', 422],
      ['denied', 502],
      ['corrupt', 500],
    ] as const
    for (const [kind, status] of kinds) {
      const api = await startApi()
      const options = { code: 'NewTrouble', kind, message: 'Told.', retryAfterMs: 1500 }
      const answer = await failing(api, new AppError(options))
      assert.deepEqual([answer.status, answer.json.detail], [status, 'Told.'])
      assert.equal(answer.json.type, '/problems/new-trouble')
      assert.equal(answer.headers.get('retry-after'), status === 503 ? '2' : null)
    }
  })
})

describe('P9', () => {
  it('logs and failed answers hold no name, subject, token, id of Graph or link', async () => {
    const api = await startApi()
    const token = await api.authority.token({ roles: ['Reader', 'Admin'], name: 'Ada Lovelace' })
    const answers: Answer[] = []
    const get = async (path: string, query: Record<string, string> = {}) =>
      void answers.push(await api.call('GET', path, { token, query }))
    await get(content)
    await get(`v1/resources/${RESOURCE}/items`, { container: INBOX })
    await get(`v1/resources/${RESOURCE}/items/${messageKey(0)}/content`)
    api.contents.clear()
    await get(content)
    await get(content, { as: 'json' })
    const failed = answers.filter((answer) => answer.status >= 400).map((answer) => answer.text)
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 400, 404, 500, 500],
    )
    const told = [...failed, ...api.logged].join('\n')
    for (const secret of [
      'Geheim',
      'Ada',
      'contoso',
      'AAMk',
      'graph.microsoft',
      token.slice(-40),
    ]) {
      assert.ok(!told.includes(secret), secret)
    }
  })

  it('no key of the audit holds anything but months and numbers', async () => {
    const api = await startApi()
    await api.call('GET', content, { role: 'Reader' })
    for (const [key] of api.tables.dump('audit')) assert.match(key, /^\d{4}-\d\d\|\d{9}$/)
  })
})
