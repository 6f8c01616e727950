/**
 * What the product of today writes is what docs/format.md says: the stories of the golden vaults
 * happen anew, and the reader that knows only the page finds all of it.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { writeDrive } from './drive-story.ts'
import { readGolden } from './golden-folder.ts'
import { openIndependent } from './independent.ts'
import { writeMailbox } from './mailbox-story.ts'

const STORIES = { mailbox: writeMailbox, drive: writeDrive }

for (const [name, write] of Object.entries(STORIES)) {
  describe(`P1: a ${name} that is written today, read from the page alone`, () => {
    let vaults = ''
    before(async () => {
      vaults = mkdtempSync(join(tmpdir(), 'today-'))
      await write(name, vaults)
    })
    after(() => rmSync(vaults, { recursive: true }))

    test('opens as a whole with each of its keys: the owner, the chain, every pack', () => {
      const written = readGolden(name, vaults)
      const { id, ...record } = written.expected.owner
      for (const key of written.privateKeys) {
        const { reader, stream, first } = openIndependent({ ...written, key })
        assert.deepEqual(reader.streams(), [`${id}/${written.expected.workload}`])
        assert.deepEqual(reader.ownerRecord(first), record)
        assert.deepEqual(
          stream.voids.map(({ seq }) => seq),
          written.expected.voids,
        )
        reader.checkPacks(stream)
      }
    })

    test('gives at every point what was there, from commits and from bases', () => {
      const written = readGolden(name, vaults)
      const [key] = written.privateKeys
      assert.ok(key)
      const { shown } = openIndependent({ ...written, key })
      for (const { seq, items, left, ledger, after } of written.expected.points) {
        const expected = { items, left, ledger }
        assert.deepEqual(shown(seq, 'commits'), expected, after)
        assert.deepEqual(shown(seq, 'base'), expected, `base: ${after}`)
      }
    })
  })
}
