import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attachment } from './file-name.ts'

describe('attachment', () => {
  const cases: [string, string][] = [
    ['Offer', 'Offer.eml'],
    ['a/b\\c:d*e?f"g<h>i|j', 'a b c d e f g h i j.eml'],
    ['../../etc/passwd', 'etc passwd.eml'],
    ['line\r\nSet-Cookie: x', 'line Set-Cookie x.eml'],
    ['exe.\u202Egnp', 'exe. gnp.eml'],
    ['', 'item.eml'],
    ['   ...', 'item.eml'],
    ['NUL', 'item NUL.eml'],
    ['\ud800broken', '\ufffdbroken.eml'],
    ['100% & "more"', '100% & more.eml'],
  ]
  for (const [subject, name] of cases) {
    it(`makes ${JSON.stringify(name)} of ${JSON.stringify(subject)}`, () => {
      const header = attachment(subject, 'eml')
      const encoded = /filename\*=UTF-8''([!#$&+\-.^_`|~0-9A-Za-z%]+)$/.exec(header)?.[1] ?? ''
      assert.equal(decodeURIComponent(encoded), name)
      assert.match(header, /^attachment; filename="[\x20-\x7e]+\.eml"; /)
    })
  }

  it('cuts a long subject between characters', () => {
    const header = attachment('😀'.repeat(500), 'eml')
    const encoded = header.split("''")[1] ?? ''
    assert.equal(decodeURIComponent(encoded), `${'😀'.repeat(120)}.eml`)
  })
})
