import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DRIVE_NAMES as names } from './names.ts'

const DAY = '2026-11-21'
/** Names as libraries hold them: with dots, marks of many scripts, and characters of two units. */
const character = fc.oneof(
  fc.constantFrom('a', 'B', '.', ' ', 'ä', '(', ')', '~', '日', '😀', 'İ'),
  fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
)
const anyName = fc.array(character, { minLength: 1, maxLength: 255 }).map((all) => all.join(''))
const legalName = anyName.filter((name) => names.problem(name, 0) === undefined)

test('a copy is named after the file, the day and its number', () => {
  assert.equal(names.copy('Report.docx', DAY, 1), 'Report (restored 2026-11-21).docx')
  assert.equal(names.copy('Report.docx', DAY, 2), 'Report (restored 2026-11-21, 2).docx')
  assert.equal(names.copy('a.tar.gz', DAY, 1), 'a.tar (restored 2026-11-21).gz')
  assert.equal(names.copy('.profile', DAY, 1), '.profile (restored 2026-11-21)')
  const sentence = 'Minutes. What was said of the plans'
  assert.equal(names.copy(sentence, DAY, 1), `${sentence} (restored 2026-11-21)`)
})

test('a copy of a legal name is legal, another one for each number, and never torn', () => {
  fc.assert(
    fc.property(legalName, fc.integer({ min: 1, max: 10_000 }), (name, n) => {
      const copy = names.copy(name, DAY, n)
      assert.equal(names.problem(copy, 0), undefined)
      assert.ok(copy.isWellFormed())
      assert.notEqual(names.key(copy), names.key(name))
      assert.notEqual(names.key(copy), names.key(names.copy(name, DAY, n + 1)))
    }),
  )
})

test('what SharePoint forbids is refused with the reason, and nothing else', () => {
  const forbidden = ['a"b', 'a*b', 'a:b', 'a<b', 'a>b', 'a?b', 'a/b', 'a\\b', 'a|b', 'a\u0007b']
  const edges = [
    ' a',
    '~a',
    'a ',
    'a.',
    '',
    'x'.repeat(256),
    'CON',
    'lpt1',
    'desktop.ini',
    'a_vti_b',
  ]
  for (const name of [...forbidden, ...edges]) {
    assert.equal(names.problem(name, 0)?.code, 'NameRefused', name)
  }
  for (const name of ['a', 'a#b%c&d+e', 'COM10', 'Über 日本 😀.txt', 'x'.repeat(255), "it's"]) {
    assert.equal(names.problem(name, 0), undefined, name)
  }
})

test('a path of 400 characters is taken, and one of 401 is refused', () => {
  assert.equal(names.problem('abcd', 395), undefined)
  const problem = names.problem('abcd', 396)
  assert.equal(problem?.code, 'PathTooLong')
  assert.match(problem?.message ?? '', /401 characters/)
})

test('names that differ in case or in how an accent is written are one name', () => {
  assert.equal(names.key('R\u00e9sum\u00e9.DOCX'), names.key('re\u0301sume\u0301.docx'))
  assert.notEqual(names.key('a'), names.key('b'))
})
