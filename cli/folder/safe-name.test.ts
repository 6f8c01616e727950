import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numbered, safeName } from './safe-name.ts'
import { TakenNames } from './taken-names.ts'

const whole = (name: string, ending?: string) => numbered(safeName(name, ending), 1)

test('a harmless name stays as it is', () => {
  for (const name of ['Report 2026.docx', 'übersicht.pdf', '.gitignore', 'a  b.txt', 'no ending']) {
    assert.equal(whole(name), name)
  }
  assert.equal(whole('Re: 納期のご相談', 'eml'), 'Re_ 納期のご相談.eml')
})

test('what means another place, a device or another ending is changed', () => {
  assert.equal(whole('../../x'), '.._.._x')
  assert.equal(whole('..\\x'), '.._x')
  assert.equal(whole('..'), 'unnamed')
  assert.equal(whole(' . '), 'unnamed')
  assert.equal(whole(''), 'unnamed')
  assert.equal(whole('CON'), '_CON')
  assert.equal(whole('con.txt'), '_con.txt')
  assert.equal(whole('com1.tar.gz'), '_com1.tar.gz')
  assert.equal(whole('C:\\autoexec.bat'), 'C__autoexec.bat')
  assert.equal(whole('photo\u202egpj.exe'), 'photogpj.exe')
  assert.equal(whole('line\nbreak\u0000.txt'), 'line_break_.txt')
  assert.equal(whole('dots...'), 'dots')
  assert.equal(whole('.key.holdfast-part'), '.key.holdfast-part_')
})

test('any text becomes a name that every file system takes, and that stays in its directory', () => {
  const text = fc.string({ unit: 'binary', maxLength: 400 })
  fc.assert(
    fc.property(
      text,
      fc.option(fc.constant('eml'), { nil: undefined }),
      fc.nat(5),
      (name, e, n) => {
        const made = numbered(safeName(name, e), n + 1)
        assert.ok(made !== '' && made !== '.' && made !== '..')
        assert.ok(Buffer.byteLength(made) <= 200)
        assert.doesNotMatch(made, /[\p{Cc}"*/:<>?\\|]|[. ]$/u)
        assert.doesNotMatch(made, /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
        assert.ok(made.isWellFormed())
      },
    ),
    { numRuns: 200 },
  )
})

test('names that some file system takes for one are numbered, each in its own directory', () => {
  const names = new TakenNames()
  const give = (directory: string, name: string) => names.give(directory, safeName(name))
  assert.equal(give('a', 'x.txt'), 'x.txt')
  assert.equal(give('a', 'X.TXT'), 'X (2).TXT')
  assert.equal(give('a', 'x (2).txt'), 'x (2) (2).txt')
  assert.equal(give('b', 'x.txt'), 'x.txt')
  const long = 'n'.repeat(300)
  assert.notEqual(give('a', `${long}1.txt`), give('a', `${long}2.txt`))
})
