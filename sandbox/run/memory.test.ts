import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { parseHighWater } from './memory.ts'

test('the peak is what the kernel says, in MB of a million bytes', () => {
  assert.equal(parseHighWater('Name:\tnode\nVmHWM:\t  250000 kB\nVmRSS:\t 1 kB\n'), 256)
  assert.equal(parseHighWater('Name:\tnode\n'), undefined)
})

test('a watch that nobody stopped does not keep its process alive', () => {
  const module = new URL('./memory.ts', import.meta.url).href
  const code = `import { watchMemory } from '${module}'; watchMemory(() => [])`
  const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    timeout: 30_000,
  })
  assert.deepEqual([status, signal], [0, null])
})
