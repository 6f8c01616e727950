import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DriveBench, startDriveBench } from '../testing/drive-bench.ts'

async function filled(bench: DriveBench, files: number): Promise<void> {
  for (let n = 0; n < files; n += 1) {
    const path = n % 2 === 0 ? `file ${n}.txt` : `Here/file ${n}.txt`
    await bench.control.putFile({ drive: bench.drive, path, text: `text of ${n}` })
  }
}

test('every file is overwritten, renamed or deleted; versions keep what it held', async (t) => {
  const bench = await startDriveBench(t)
  await filled(bench, 40)
  const before = (await bench.snapshot()).drives[0]?.items ?? []
  const attack = { drive: bench.drive, deletedShare: 0.2 }
  const { encrypted, deleted } = await bench.control.ransomDrive(attack)
  assert.equal(encrypted.length + deleted.length, 40)
  assert.ok(encrypted.length > 0 && deleted.length > 0)
  const after = new Map((await bench.snapshot()).drives[0]?.items.map((item) => [item.id, item]))
  for (const id of encrypted) {
    const [was, is] = [before.find((item) => item.id === id), after.get(id)]
    assert.equal(is?.name, `${was?.name}.locked`)
    assert.equal(is?.bytes, was?.bytes)
    assert.notEqual(is?.sha256, was?.sha256)
    assert.deepEqual(
      is?.versions.map((version) => version.sha256),
      [is?.sha256, was?.sha256],
    )
  }
  for (const id of deleted) assert.ok(!after.has(id))
  assert.ok((await bench.paths()).includes('READ ME TO RECOVER YOUR FILES.txt'))
})

test('it keeps to its folder and its share, and overwrites as often as it is told', async (t) => {
  const bench = await startDriveBench(t)
  await filled(bench, 40)
  const attack = { drive: bench.drive, folder: 'Here', share: 0.5, deletedShare: 0, note: false }
  const { encrypted } = await bench.control.ransomDrive({ ...attack, overwrites: 4 })
  assert.ok(encrypted.length > 0 && encrypted.length < 20)
  const items = (await bench.snapshot()).drives[0]?.items ?? []
  for (const item of items) {
    if (item.kind !== 'file') continue
    const isHit = encrypted.includes(item.id)
    assert.equal(item.versions.length, isHit ? 5 : 1, item.path)
    assert.ok(!isHit || item.path.startsWith('Here/'))
  }
})

test('the same seed does the same', async (t) => {
  const hits: string[][] = []
  for (const _ of [1, 2]) {
    const bench = await startDriveBench(t)
    await filled(bench, 20)
    const { encrypted } = await bench.control.ransomDrive({ drive: bench.drive, share: 0.5 })
    const items = (await bench.snapshot()).drives[0]?.items ?? []
    hits.push(
      items
        .filter(({ id }) => encrypted.includes(id))
        .map(({ path, sha256 }) => `${path} ${sha256}`),
    )
  }
  assert.deepEqual(hits[0], hits[1])
  assert.ok(hits[0] && hits[0].length > 0)
})
