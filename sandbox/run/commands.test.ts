/**
 * The commands as a person runs them, end to end: real processes, the built app. Not here: what
 * the app does when it is killed (test/crash), and the figures of the bench.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UNLESS_MORE } from '../../test/level.ts'
import { checkPorts, portsFrom } from './ports.ts'
import type { Report } from './report.ts'
import { run } from './testing/children.ts'
import { freeBase } from './testing/free-base.ts'

const folder = await mkdtemp(join(tmpdir(), 'holdfast-commands-'))
after(() => rm(folder, { recursive: true, force: true }))

test('a mistake on the command line is told with the usage, and nothing is started', async () => {
  for (const command of ['start.ts', 'demo.ts', 'bench.ts']) {
    const { code, err, out } = await run(command, ['--nonsense']).ended
    assert.equal(code, 64)
    assert.match(err, /--nonsense[\s\S]*usage: npm/)
    assert.equal(out, '')
  }
})

test('the bench has two parts, and any other is a mistake', async () => {
  const { code, err, out } = await run('bench.ts', ['--only', 'letters']).ended
  assert.equal(code, 64)
  assert.match(err, /--only is mail or files[\s\S]*usage: npm/)
  assert.equal(out, '')
})

test('start stays up, is alone in its folder, ends with its terminal, and goes on later', async () => {
  const [base, other] = [await freeBase(), await freeBase()]
  const dir = join(folder, 'start')
  const args = [
    '--dir',
    dir,
    '--users',
    '2',
    '--messages',
    '5',
    '--files',
    '3',
    '--port-base',
    String(base),
  ]
  const first = run('start.ts', args)
  await first.says('Everything is up.')

  const samePorts = await run('start.ts', [...args, '--dir', join(folder, 'x')]).ended
  assert.equal(samePorts.code, 2)
  assert.match(samePorts.err, new RegExp(`Port ${base} is in use`))
  const sameDir = await run('start.ts', [...args, '--port-base', String(other)]).ended
  assert.equal(sameDir.code, 2)
  assert.match(sameDir.err, /Another sandbox is using the folder/)

  first.process.kill('SIGHUP')
  const ended = await first.ended
  assert.equal(ended.code, 0, ended.err)
  assert.match(ended.out, /A new sample tenant[\s\S]*Backed up: [\s\S]*\/api\/v1\/restores/)
  await checkPorts(portsFrom(base))
  assert.equal(existsSync(join(dir, 'running')), false, 'the stop was clean')

  const second = run('start.ts', args)
  await second.says('Everything is up.')
  second.process.kill('SIGINT')
  const again = await second.ended
  assert.equal(again.code, 0, again.err)
  assert.match(again.out, /Going on with the data/)
  assert.doesNotMatch(again.out, /stopped hard/)
})

test(
  'the demo tells its story, gets everything back, and says so as one document',
  UNLESS_MORE,
  async () => {
    const { code, out, err } = await run('demo.ts', [
      '--json',
      '--users',
      '3',
      '--messages',
      '24',
      '--files',
      '10',
    ]).ended
    const report = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Report
    assert.deepEqual([report.ok, report.reasons, code], [true, [], 0], err)
    assert.equal(report.backup.items, report.backup.stored)
    assert.ok(report.restore.restored > 0)
    assert.equal(report.restore.restored, report.restore.verified + report.restore.differs)
    assert.equal(report.verdict.restored, report.verdict.expected)
    for (const files of [report.files, report.ransomware.files]) {
      assert.ok(files && files.verdict.restored > 0)
      assert.equal(files.verdict.restored, files.verdict.expected)
    }
  },
)
