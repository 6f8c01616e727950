/** The status page: what it shows, what it hides, and whom it refuses. */
import assert from 'node:assert/strict'
import { request as sendRequest } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  type EmbeddedGallery,
  finished,
  runToEnd,
  start,
  startGallery,
} from '../testing/harness.ts'
import { html } from './html.ts'
import { LogNotes } from './log-notes.ts'
import { durationText, sizeText, valueText } from './words.ts'

describe('words', () => {
  test('values are escaped, Html is not', () => {
    assert.equal(
      html`<a title="${'"<&'}">${html`<b>x</b>`}</a>`.text,
      '<a title="&quot;&lt;&amp;"><b>x</b></a>',
    )
  })

  test('sizes and lengths of time', () => {
    assert.deepEqual([0, 999, 1500, 2_000_000].map(sizeText), ['0 B', '999 B', '1.5 KB', '2.0 MB'])
    const lengths = [5, 59_999, 60_000, 7_200_000, 200_000_000]
    assert.deepEqual(lengths.map(durationText), ['5 ms', '59 s', '1 min', '2 h', '2 d'])
  })

  test('secrets are hidden, long values are cut', () => {
    const value = {
      accessToken: 'abc',
      next: 'https://x/?$deltatoken=1',
      auth: 'Bearer abc.def',
      n: 1,
    }
    assert.equal(
      valueText(JSON.stringify(value), 500),
      '{"accessToken":"[hidden]","next":"https://x/?$delta[Hidden Credential]","auth":"[hidden]","n":1}',
    )
    assert.equal(valueText('"aaaaaaaaaa"', 4), '"aaa… (12 B)')
    assert.equal(valueText('no JSON: password=x', 50), 'no JSON: [Hidden Credential]')
    assert.equal(valueText(null, 4), null)
  })

  test('notes of an instance are those of its whole id', () => {
    const notes = new LogNotes()
    const base = { atMs: 0, level: 'error', category: 'host' } as const
    for (const text of ['instance a: one', 'instance ab: two', 'instance a: one', 'other']) {
      notes.note({ ...base, text })
    }
    assert.deepEqual(notes.of('a'), ['one'])
  })
})

describe('pages', () => {
  let gallery: EmbeddedGallery
  before(async () => {
    gallery = await startGallery()
  })
  after(async () => {
    await gallery.host.stop()
    gallery.workspace.remove()
  })

  async function page(path: string): Promise<string> {
    const response = await fetch(`${gallery.url}/admin/durable${path}`)
    assert.equal(response.status, 200)
    assert.match(String(response.headers.get('content-security-policy')), /default-src 'none'/)
    return await response.text()
  }

  test('instances stand there with status, events and size; filter and search choose', async () => {
    await runToEnd(gallery.url, 'chain', 'done <1>')
    await start(gallery.url, 'waits', 'open-1')
    const all = await page('')
    assert.match(all, /done &lt;1&gt;/)
    assert.match(
      all,
      /<span class="status Completed">Completed<\/span><\/td>\s*<td class="number">\d+/,
    )
    assert.match(await page('?status=Completed'), /done &lt;1&gt;/)
    assert.doesNotMatch(await page('?status=Completed'), /open-1/)
    assert.doesNotMatch(await page('?search=OPEN'), /done &lt;1&gt;/)
    assert.match(await page('?search=nothing'), /No instance matches/)
  })

  test('an instance shows its history, and terminates on its button', async () => {
    const id = 'to end'
    await start(gallery.url, 'waits', id)
    const own = `/${encodeURIComponent(id)}`
    assert.match(await page(own), /Terminate/)
    const body = new URLSearchParams({ reason: 'enough' })
    const target = `${gallery.url}/admin/durable${own}/terminate`
    const headers = { origin: gallery.url, 'sec-fetch-site': 'same-origin' }
    const posted = await fetch(target, { method: 'POST', body, headers, redirect: 'manual' })
    assert.equal(posted.status, 303)
    assert.equal((await finished(gallery.url, id)).output, 'enough')
    const ended = await page(own)
    assert.match(ended, /Execution terminated/)
    assert.doesNotMatch(ended, /<button class="danger">/)
  })

  test('another site can neither post nor read under a name of its own', async () => {
    await start(gallery.url, 'waits', 'kept')
    const target = `${gallery.url}/admin/durable/kept/terminate`
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: gallery.url },
    ]) {
      assert.equal((await fetch(target, { method: 'POST', headers })).status, 403)
    }
    const status = await new Promise((resolve, reject) => {
      const headers = { host: 'evil.example' }
      sendRequest(`${gallery.url}/admin/instances`, { headers }, ({ statusCode }) =>
        resolve(statusCode),
      )
        .once('error', reject)
        .end()
    })
    assert.equal(status, 403)
    assert.match(await page('/kept'), /<span class="status (Pending|Running)">/)
  })

  test('what is not there is 404', async () => {
    for (const path of ['durable/none', 'durable/none/x', 'nothing']) {
      assert.equal((await fetch(`${gallery.url}/admin/${path}`)).status, 404)
    }
  })
})
