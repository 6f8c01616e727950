import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseFidelity } from '../fidelity.ts'
import { file } from '../testing/library.ts'
import { differencesOfFiles } from './fields.ts'

/** What a person put there: a difference in these is a loss, whoever causes it. */
const CONTENT = [
  ...['content', 'size', 'name', 'file.mimeType', 'file.hashes', 'malware', 'remoteItem', 'kind'],
  ...['fileSystemInfo.createdDateTime', 'fileSystemInfo.lastModifiedDateTime'],
]

test('docs/fidelity.md forgives what belongs to the service, and nothing else of a file', async () => {
  const fidelity = parseFidelity(
    await readFile(new URL('../../../docs/fidelity.md', import.meta.url), 'utf8'),
  )
  const one = { ...file('one.txt', 'one'), folderId: 'd' }
  // Every member of a snapshot is compared: so this is every field there is.
  const other = Object.fromEntries(Object.keys(one).map((member) => [member, 'another value']))
  const fields = differencesOfFiles(one, { ...one, ...other }).map(({ field }) => field)
  const compared = fields.filter((field) => !fidelity.has(field))
  assert.deepEqual(compared.toSorted(), [...CONTENT, 'deleted'].toSorted())
})
