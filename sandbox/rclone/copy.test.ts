import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CopyFailed, prepareCopy, readLog } from './copy.ts'
import { folderOf, standIn } from './testing/stand-in.ts'

const STATS = { bytes: 12, transfers: 3, checks: 5 }

function prepared(folder: string) {
  return prepareCopy({
    ...{ folder: join(folder, 'work'), driveId: 'b!drive', token: 'the-token' },
    ...{ blobUrl: 'http://127.0.0.1:9/account', container: 'target' },
    proxy: { url: 'http://127.0.0.1:8', authority: 'PEM' },
  })
}

const signal = new AbortController().signal

test('it is told of the proxy and whom to trust, and sees nothing of the machine', async (t) => {
  const folder = folderOf(t)
  const seen = join(folder, 'seen.json')
  const program = standIn(
    folder,
    `const { argv, env } = process
     require('node:fs').writeFileSync('${seen}', JSON.stringify({ args: argv.slice(2), env }))
     log({ stats: ${JSON.stringify(STATS)} })`,
  )
  const pids: number[] = []
  const { copy } = prepared(folder)
  const result = await copy({ program, signal, onStart: (pid) => pids.push(pid) })
  assert.deepEqual({ ...result, seconds: 0 }, { seconds: 0, bytes: 12, transfers: 3 })
  assert.equal(pids.length, 1)
  const { args, env } = JSON.parse(readFileSync(seen, 'utf8'))
  const work = join(folder, 'work')
  assert.deepEqual(args.slice(0, 3), ['copy', 'library:', 'vault:target'])
  for (const name of ['config', 'cache-dir', 'ca-cert']) {
    assert.ok(args[args.indexOf(`--${name}`) + 1].startsWith(`${work}/`), name)
  }
  assert.deepEqual(env, {
    ...{ PATH: process.env['PATH'], HOME: work, XDG_CONFIG_HOME: work, TMPDIR: work },
    HTTPS_PROXY: 'http://127.0.0.1:8',
  })
  const config = readFileSync(join(work, 'rclone.conf'), 'utf8')
  assert.match(config, /drive_id = b!drive\ntoken = \{"access_token":"the-token"/)
  assert.match(config, /use_emulator = true\nendpoint = http:\/\/127\.0\.0\.1:9\/account\n/)
  assert.equal(statSync(join(work, 'rclone.conf')).mode & 0o777, 0o600)
})

test('a failure is told in its own words, and a program that is missing is one too', async (t) => {
  const folder = folderOf(t)
  const { copy } = prepared(folder)
  const program = standIn(folder, `log({ msg: 'no such drive\\n' }); process.exitCode = 3`)
  await assert.rejects(copy({ program, signal }), /ended with 3: no such drive$/)
  await assert.rejects(copy({ program: join(folder, 'missing'), signal }), CopyFailed)
})

test('it is gone when the copy was ended by the signal', async (t) => {
  const folder = folderOf(t)
  const program = standIn(folder, 'setInterval(() => undefined, 1000)')
  const ending = new AbortController()
  const started = Promise.withResolvers<number>()
  const copying = prepared(folder).copy({
    ...{ program, signal: ending.signal },
    onStart: started.resolve,
  })
  const pid = await started.promise
  ending.abort(new Error('enough'))
  await assert.rejects(copying, /enough/)
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('the last statistics count, and other lines are its words', () => {
  const lines = ['plain', '{"msg":" said "}', '{"stats":{"bytes":1}}', '{"stats":{"bytes":2}}']
  assert.deepEqual(readLog(lines), { stats: { bytes: 2 }, words: ['plain', 'said'] })
  assert.deepEqual(readLog([]), { stats: undefined, words: [] })
})
