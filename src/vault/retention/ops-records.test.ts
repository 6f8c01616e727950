/** Records in `ops`: which names are records, whose they are, and when they were made. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { AppError } from '../../model/errors.ts'
import type { BlobStore } from '../../ports.ts'
import { collect, never } from '../testing/fixture.ts'
import {
  createRecord,
  datedName,
  datedRecords,
  fixedName,
  type RecordKind,
  readRecord,
} from './ops-records.ts'
import { opsInMemory } from './testing/records.ts'

const NOTE: RecordKind<{ says: string }> = {
  ...{ service: 'keeper', kind: 'note', schema: z.object({ says: z.string() }) },
}

describe('P1: records', () => {
  test('are named by their service, day, kind and id', () => {
    const at = Date.parse('2026-03-01T23:59:59.999Z')
    assert.equal(datedName(NOTE, 'x1', at), 'keeper/2026-03-01/note-x1.json')
    assert.equal(fixedName(NOTE, 'x1'), 'keeper/note/x1.json')
  })

  test('are lines of JSON, and have the time at which storage first saw them', async () => {
    const { ops, clock } = opsInMemory()
    const began = clock.now()
    const name = fixedName(NOTE, 'x')
    assert.equal(await createRecord(ops, name, { says: 'a' }, never), began)
    clock.advance(5000)
    assert.equal(await createRecord(ops, name, { says: 'a' }, never), began)
    assert.equal(Buffer.from(ops.blobs.get(name)?.bytes ?? []).toString(), '{"says":"a"}\n')
    const read = await readRecord(ops, NOTE, 'x', never)
    assert.deepEqual(read, { id: 'x', createdAt: began, document: { says: 'a' } })
  })

  test('are never taken for others of their name', async () => {
    const { ops } = opsInMemory()
    await createRecord(ops, fixedName(NOTE, 'x'), { says: 'a' }, never)
    const again = createRecord(ops, fixedName(NOTE, 'x'), { says: 'b' }, never)
    await assert.rejects(again, (error) => {
      return error instanceof AppError && error.code === 'RecordTaken' && error.kind === 'permanent'
    })
  })

  test('may not be there', async () => {
    const { ops } = opsInMemory()
    assert.equal(await readRecord(ops, NOTE, 'x', never), undefined)
  })

  test('that are damaged or too long are said to be', async () => {
    const { ops, raw } = opsInMemory()
    await raw('keeper/note/broken.json', '{"says":')
    await raw('keeper/note/other.json', '{"said":"a"}')
    const long = JSON.stringify({ says: 'x'.repeat(65_525) })
    await raw('keeper/note/long.json', `${long}\n`)
    await raw('keeper/note/longest.json', long)
    for (const id of ['broken', 'other', 'long']) {
      await assert.rejects(readRecord(ops, NOTE, id, never), (error) => {
        if (!(error instanceof AppError)) return false
        const { code, kind, context } = error
        const said = { code: 'RecordUnreadable', kind: 'corrupt' }
        assert.deepEqual(
          { code, kind, context },
          { ...said, context: { service: 'keeper', kind: 'note' } },
        )
        return true
      })
    }
    assert.equal((await readRecord(ops, NOTE, 'longest', never))?.document.says.length, 65_525)
    const longer = { ...NOTE, bytesMax: 65_537 }
    assert.equal((await readRecord(ops, longer, 'long', never))?.id, 'long')
  })

  test('are found under the prefix of their service, on a day, and nowhere else', async () => {
    const { ops, raw } = opsInMemory()
    const text = '{"says":"a"}'
    const others = [
      'access/2026-03-01/note-x.json',
      'keeper/2026-03-01/notes-x.json',
      'keeper/2026-03-01/a-note-x.json',
      'keeper/2026-03-01/note-X.json',
      'keeper/2026-03-01/note-.json',
      'keeper/2026-03-01/note-x.json.old',
      'keeper/2026-03-01/note-xyjson',
      'keeper/2026-03-01/more/note-x.json',
      'keeper/2026-3-1/note-x.json',
      'keeper/26-03-01/note-x.json',
      'keeper/2026-03-1/note-x.json',
      'keeper/2026-3-01/note-x.json',
      'keeper/yyyy-mm-dd/note-x.json',
      'keeper/2026-mm-01/note-x.json',
      'keeper/2026-03-dd/note-x.json',
      'keeper/keeper/2026-03-01/note-x.json',
      'keeper/note/x.json',
    ]
    for (const name of others) await raw(name, text)
    await raw('keeper/2026-03-02/note-0z-9.json', text)
    await raw('keeper/2026-03-01/note-b.json', text)
    const found = await collect(datedRecords(ops, NOTE, never))
    assert.deepEqual(
      found.map(({ id }) => id),
      ['b', '0z-9'],
    )
  })

  test('are asked for by their service, and read up to the length that they may have', async () => {
    const { ops, raw } = opsInMemory()
    await raw('keeper/2026-03-01/note-a.json', '{"says":"a"}')
    const asked: unknown[] = []
    const store: BlobStore = {
      ...ops,
      list(prefix, signal) {
        asked.push(prefix)
        return ops.list(prefix, signal)
      },
      async read(name, signal, range) {
        asked.push(range)
        return await ops.read(name, signal, range)
      },
    }
    await collect(datedRecords(store, NOTE, never))
    assert.deepEqual(asked, ['keeper/', { offset: 0, bytes: 65_537 }])
  })

  test('of which storage does not know the time are not guessed at', async () => {
    const { ops, raw } = opsInMemory()
    await raw('keeper/note/x.json', '{"says":"a"}')
    const read: BlobStore['read'] = async (...call) => {
      const found = await ops.read(...call)
      return found && { bytes: found.bytes, stat: { name: 'x', bytes: found.bytes.length } }
    }
    await assert.rejects(readRecord({ ...ops, read }, NOTE, 'x', never), { kind: 'bug' })
  })

  test('that go while they are listed are not there', async () => {
    const { ops, raw } = opsInMemory()
    await raw('keeper/2026-03-01/note-a.json', '{"says":"a"}')
    await raw('keeper/2026-03-01/note-b.json', '{"says":"b"}')
    const found = await collect(
      datedRecords(
        {
          ...ops,
          read: async (name, ...rest) =>
            name.endsWith('-a.json') ? undefined : await ops.read(name, ...rest),
        },
        NOTE,
        never,
      ),
    )
    assert.deepEqual(
      found.map(({ id }) => id),
      ['b'],
    )
  })
})
