import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodedBytes, leavesOf, readLeafHeaders } from './mime-parts.ts'

function mime(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

const nested = mime(
  'Content-Type: multipart/mixed;',
  ' boundary="out er"',
  '',
  'preamble',
  '--out er',
  'Content-Type: multipart/alternative; boundary=out',
  '',
  '--out',
  '',
  'plain',
  '--outer is no delimiter',
  '--out ',
  'Content-Type: text/html',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'a=3Db=',
  'c =E9',
  '--out--',
  '--out er',
  'Content-Type: text/calendar; name="=?utf-8?Q?=C3=A9.ics?="',
  'Content-Disposition: attachment; filename*0="long-"; filename*1="name.ics"',
  'Content-ID: <c@id>',
  '',
  'BEGIN:VCALENDAR',
  '',
  '',
  '--out er',
  'Content-Type: image/png',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '/w==',
  '--out er--',
  'epilogue',
)

test('a message is taken apart into its leaves, byte for byte', () => {
  const leaves = leavesOf(nested)
  assert.deepEqual(
    leaves.map(({ type }) => type),
    ['text/plain', 'text/html', 'text/calendar', 'image/png'],
  )
  const [plain, html, calendar, image] = leaves.map((leaf) => decodedBytes(leaf))
  assert.equal(plain?.toString(), 'plain\r\n--outer is no delimiter')
  assert.equal(html?.toString('latin1'), 'a=bc \u00e9')
  assert.equal(calendar?.toString(), 'BEGIN:VCALENDAR\r\n\r\n', 'line ends stay as they are')
  assert.deepEqual([...(image ?? [])], [0, 1, 2, 255])
})

test('names are read from split and encoded parameters', async () => {
  const [, , calendar, image] = leavesOf(nested)
  assert.ok(calendar && image)
  const headers = await readLeafHeaders(calendar)
  assert.equal(headers?.filename, 'long-name.ics')
  assert.equal(headers?.contentId, '<c@id>')
  assert.equal((await readLeafHeaders(image))?.filename, null)
})

test('line feeds alone, a missing boundary and a missing end are borne', () => {
  const loose = Buffer.from('Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo')
  assert.deepEqual(
    leavesOf(loose).map((leaf) => leaf.raw.toString()),
    ['one', 'two'],
  )
  const lost = mime('Content-Type: multipart/mixed', '', 'text')
  assert.deepEqual(
    leavesOf(lost).map(({ type }) => type),
    ['multipart/mixed'],
  )
  assert.equal(leavesOf(Buffer.alloc(0)).length, 1)
})

test('half a type is no text, and broken encodings lose only what is noise', () => {
  const [leaf] = leavesOf(mime('Content-Type: X-BE2;version=12', '', 'x'))
  assert.equal(leaf?.type, 'x-be2')
  const [cut] = leavesOf(mime('Content-Transfer-Encoding: quoted-printable', '', 'a=', 'b='))
  assert.equal(cut && decodedBytes(cut).toString(), 'ab', 'a soft line end at the end of all')
  const [noisy] = leavesOf(mime('Content-Transfer-Encoding: base64', '', 'YW-J_j', '--'))
  assert.equal(noisy && decodedBytes(noisy).toString(), 'abc')
})

test('nesting and the number of parts are bounded', () => {
  const deep = Array.from({ length: 100 }, (_, n) =>
    mime(`Content-Type: multipart/mixed; boundary=b${n}`, '', `--b${n}`, ''),
  )
  assert.equal(leavesOf(Buffer.concat(deep)).length, 1)
  const wide = mime(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    ...Array(5000).fill('--b\r\n\r\nx'),
  )
  assert.equal(leavesOf(wide).length, 1000)
})
