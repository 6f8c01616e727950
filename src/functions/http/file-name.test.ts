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

  const files: [string, string][] = [
    ['Plan 2026.docx', 'Plan 2026.docx'],
    ['archive.tar.gz', 'archive.tar.gz'],
    ['README', 'README'],
    ['nul.txt', 'item nul.txt'],
    ['photo.jpg\u202Egnp.exe', 'photo.jpg gnp.exe'],
    ['.profile', 'profile'],
    ['a.b c', 'a.b c'],
  ]
  for (const [file, name] of files) {
    it(`leaves the file ${JSON.stringify(file)} its own ending: ${JSON.stringify(name)}`, () => {
      const encoded = attachment(file, undefined).split("''")[1] ?? ''
      assert.equal(decodeURIComponent(encoded), name)
    })
  }

  it('cuts a long subject between characters', () => {
    const header = attachment('😀'.repeat(500), 'eml')
    const encoded = header.split("''")[1] ?? ''
    assert.equal(decodeURIComponent(encoded), `${'😀'.repeat(120)}.eml`)
  })
})
