import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDataDir } from './data-dir.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-dir-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const fresh = (name: string) => join(folder, name)

test('a second sandbox in the same folder is refused until the first one lets go', () => {
  const first = openDataDir(fresh('one'))
  assert.throws(() => openDataDir(fresh('one')), /Another sandbox is using the folder/)
  first.release(true)
  openDataDir(fresh('one')).release(true)
})

test('a later start goes on with the data, and knows whether the last stop was clean', () => {
  const path = fresh('two')
  const first = openDataDir(path)
  assert.deepEqual([first.continued, first.hardStopped], [false, false])
  writeFileSync(first.tenantState, 'people')
  first.release(false)
  const second = openDataDir(path)
  assert.deepEqual([second.continued, second.hardStopped], [true, true])
  second.release(true)
  const third = openDataDir(path)
  assert.deepEqual([third.continued, third.hardStopped], [true, false])
  third.release(true)
})

test('fresh empties a folder of the sandbox, and no other one', () => {
  const path = fresh('three')
  const first = openDataDir(path)
  writeFileSync(first.tenantState, 'people')
  first.release(true)
  const second = openDataDir(path, { fresh: true })
  assert.equal(second.continued, false)
  assert.equal(existsSync(second.tenantState), false)
  second.release(true)
  const foreign = fresh('photos')
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'holiday.jpg'), 'sea')
  assert.throws(() => openDataDir(foreign, { fresh: true }), /not a folder of the sandbox/)
  assert.ok(existsSync(join(foreign, 'holiday.jpg')))
})
