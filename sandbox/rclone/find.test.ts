import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findRclone, RcloneBroken, versionIn } from './find.ts'
import { folderOf, standIn } from './testing/stand-in.ts'

test('none on the PATH is none; one that was named must be one', async (t) => {
  const folder = folderOf(t)
  assert.equal(await findRclone({ PATH: folder }), undefined)
  const named = { PATH: folder, HOLDFAST_RCLONE: join(folder, 'stand-in') }
  await assert.rejects(findRclone(named), RcloneBroken)
  standIn(folder, `console.log('something else')`)
  await assert.rejects(findRclone(named), RcloneBroken)
  standIn(folder, `console.log('rclone v1.2.3-DEV\\n- os/type: linux')`)
  assert.deepEqual(await findRclone(named), {
    ...{ program: join(folder, 'stand-in'), version: 'v1.2.3-DEV' },
  })
  assert.equal(versionIn('rsync v1'), undefined)
})
