import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sharedFile } from '../testing/csdl.ts'
import type { Bench } from '../testing/harness.ts'
import { startBench } from '../testing/harness.ts'

const corpus = sharedFile('corpus')

async function folderOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    const file = join(directory, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    await utimes(file, new Date('2021-03-04T05:06:07.800Z'), new Date('2020-02-03T04:05:06.700Z'))
  }
  return directory
}

async function allFiles({ control }: Bench) {
  const { sites } = await control.sites({})
  const snapshots = await Promise.all(sites.map(({ path }) => control.siteSnapshot({ site: path })))
  return snapshots
    .flatMap(({ drives }) => drives.flatMap(({ items }) => items))
    .filter(({ kind }) => kind === 'file')
}

test('files keep their bytes, folders and dates; mail beside them is imported too', async (t) => {
  const directory = await folderOf(t, {
    'files/plain.txt': 'plain',
    'files/Reports/2025/sums.csv': 'a;b',
    'files/Reports/empty.bin': '',
    'emails/one.eml': 'Subject: One\r\nFrom: a@x.example\r\n\r\nBody\r\n',
  })
  const bench = await startBench(t, { importDirectory: directory })
  const { imported } = bench.tenant
  assert.deepEqual([imported?.imported, imported?.files, imported?.refused], [1, 3, []])
  const files = await allFiles(bench)
  const [sums] = files.filter(({ name }) => name === 'sums.csv')
  assert.equal(sums?.path, 'Reports/2025/sums.csv')
  assert.equal(sums?.fsModifiedMs, Date.parse('2020-02-03T04:05:06Z'))
  assert.equal(files.find(({ name }) => name === 'empty.bin')?.bytes, 0)
})

test('names that SharePoint takes no two of, or none at all, are told', async (t) => {
  const directory = await folderOf(t, {
    'files/In/a.txt': '1',
    'files/In/A.TXT': '2',
    'files/In/what?.txt': '3',
  })
  const { tenant } = await startBench(t, { importDirectory: directory })
  // The two that differ in case go to places that follow from their names: perhaps to different ones.
  const { files = 0, refused = [] } = tenant.imported ?? {}
  assert.equal(files + refused.length, 3)
  assert.ok(refused.some(({ file }) => file === 'In/what?.txt'))
})

test('two imports agree, whatever the order of the folder', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, n) => [`files/${n}.txt`, `text ${n}`]),
  )
  const directory = await folderOf(t, files)
  const [one, two] = await Promise.all([
    startBench(t, { importDirectory: directory }),
    startBench(t, { importDirectory: directory }),
  ])
  const placed = async (bench: Bench) =>
    (await allFiles(bench)).map(({ path, sha256 }) => `${path} ${sha256}`)
  assert.deepEqual(await placed(one), await placed(two))
  const { sites } = await one.control.sites({})
  assert.equal(sites.length, 3)
})

test('the corpus of real files comes in byte by byte', {
  skip: corpus === null && 'the corpus is not at hand',
}, async (t) => {
  const bench = await startBench(t)
  const { files, refused } = await bench.control.import({ directory: corpus ?? '' })
  const names = await readdir(join(corpus ?? '', 'files'))
  assert.deepEqual([files, refused.filter(({ file }) => names.includes(file))], [names.length, []])
  const imported = new Map((await allFiles(bench)).map((file) => [file.name, file]))
  for (const name of names) {
    const path = join(corpus ?? '', 'files', name)
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
    const modified = Math.floor((await stat(path)).mtimeMs / 1_000) * 1_000
    const file = imported.get(name)
    assert.deepEqual([file?.sha256, file?.fsModifiedMs], [sha256, modified], name)
  }
})
