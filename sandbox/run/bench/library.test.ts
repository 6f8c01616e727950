import assert from 'node:assert/strict'
import { test } from 'node:test'
import { belowNorth, filePath, folderPath, spread } from './library.ts'

test('10,000 files stand ten by ten in 1,000 folders, half of them below one', () => {
  const paths = Array.from({ length: 10_000 }, (_, n) => filePath(n, 1_000))
  assert.equal(new Set(paths).size, 10_000)
  const inFolders = Map.groupBy(paths, (path) => path.slice(0, path.lastIndexOf('/')))
  assert.equal(inFolders.size, 1_000)
  assert.ok([...inFolders.values()].every((inside) => inside.length === 10))
  assert.equal(belowNorth(10_000, 1_000), 5_000)
  assert.equal(paths.filter((path) => path.startsWith(`${folderPath(0)}/`)).length, 5_000)
})

test('changes are spread over the whole library, and none is of the same file', () => {
  const changed = spread(100, 10_000)
  assert.equal(new Set(changed).size, 100)
  assert.deepEqual([changed[0], changed[99]], [0, 9_900])
  assert.deepEqual(spread(3, 3), [0, 1, 2])
})
