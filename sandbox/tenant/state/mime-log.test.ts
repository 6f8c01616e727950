import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from './database.ts'
import { MimeLog } from './mime-log.ts'

test('answers are read back at once, in order, and outlive a clean stop', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mime-log-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'state.db')
  const entry = (text: string) => ({ sha256: hash('sha256', text), bytes: text.length })
  const first = new Database(file)
  const log = new MimeLog(first)
  log.add('a', Buffer.from('one'))
  assert.deepEqual(log.read('a'), [entry('one')])
  log.add('b', Buffer.from('other'))
  log.add('a', Buffer.from('three'))
  log.close()
  log.add('a', Buffer.from('too late'))
  first.close()
  const second = new Database(file)
  t.after(() => second.close())
  assert.deepEqual(new MimeLog(second).read('a'), [entry('one'), entry('three')])
})
