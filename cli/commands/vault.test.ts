/** ls, cat and restore-to-folder as people run them, over a vault that was copied into a folder. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { ScriptedDrive } from '../../src/capture/testing/scripted-drive.ts'
import { ScriptedMailbox } from '../../src/capture/testing/scripted-mailbox.ts'
import { captureWorld } from '../../src/capture/testing/world.ts'
import { CONTAINERS, type CommitRef, type PutEvent } from '../../src/model/events.ts'
import { type GraphId, keyHash } from '../../src/model/ids.ts'
import {
  contentOf,
  memoryVault,
  never,
  putEvent,
  version,
} from '../../src/vault/testing/fixture.ts'
import { dump } from '../testing/dump.ts'
import { filesBelow } from '../testing/files.ts'
import { holdfast } from '../testing/run.ts'

const id = (text: string) => text as GraphId
const LONG = `${'lang'.repeat(70)}.txt`
/** What the drive holds, by name; equal names stand in one folder. */
const FILES: readonly (readonly [name: string, content: string])[] = [
  ['../../x', 'climbs'],
  ['CON', 'a device'],
  ['a/b\\c.txt', 'slashes'],
  [LONG, 'long'],
  ['same.txt', 'first'],
  ['same.txt', 'second'],
  ['SAME.TXT', 'third'],
  ['\u001b[31mred\u202e.txt', 'paints the terminal'],
  ['big.bin', 'x'.repeat(60_000)],
  ['empty', ''],
]

async function driveVault() {
  const box = new ScriptedDrive()
  box.createDrive(id('d'))
  box.put(id('d/top'), { name: '../Top?', parent: id('d') })
  box.put(id('d/twin'), { name: '.._Top_', parent: id('d') })
  for (const [n, [name, content]] of FILES.entries()) {
    box.put(id(`d/f${n}`), { name, content, parent: id('d/top') })
  }
  box.put(id('d/other'), { name: 'other.txt', content: 'in the twin', parent: id('d/twin') })
  const world = await captureWorld(box)
  await world.untilDone()
  return world
}

async function mailVault() {
  const box = new ScriptedMailbox()
  box.createContainer(id('inbox'), 'Inbox')
  box.put(id('a'), { container: id('inbox'), content: 'From: a\r\n\r\nfirst' })
  box.put(id('b'), { container: id('inbox'), content: 'From: b\r\n\r\nother' })
  const world = await captureWorld(box)
  await world.untilDone()
  const before = new Date(world.clock.now()).toISOString()
  world.clock.advance(2 * 3_600_000)
  box.put(id('a'), { container: id('inbox'), content: 'From: a\r\n\r\nsecond' })
  box.corrupt.add(id('c'))
  box.put(id('c'), { container: id('inbox'), content: 'never read' })
  await world.untilDone()
  return { world, before }
}

const drive = await driveVault()
const { world: mail, before } = await mailVault()
const onDrive = await dump({ after }, drive, [drive.owner])
const onMail = await dump({ after }, mail, [mail.owner])
const owner = ['--owner', drive.owner]

describe('holdfast vault ls', () => {
  test('lists owners with their names, and without keys their ids', async () => {
    const named = await holdfast(['vault', 'ls', ...onMail.options])
    assert.equal(named.code, 0, named.errors)
    assert.match(named.text, new RegExp(`${mail.owner}\\s+user\\s+U\\s+mail`))
    const bare = await holdfast(['vault', 'ls', '--vault', onMail.vault, '--json'])
    assert.deepEqual(JSON.parse(bare.text), {
      owners: [{ owner: mail.owner, workloads: ['mail'] }],
    })
  })

  test('lists streams, points and folders as of a time', async () => {
    const ls = (...more: string[]) =>
      holdfast(['vault', 'ls', ...onMail.options, ...owner, '--json', ...more])
    const { streams } = JSON.parse((await ls()).text)
    assert.equal(streams[0].workload, 'mail')
    const { points } = JSON.parse((await ls('--points')).text)
    assert.equal(points.length, streams[0].points)
    assert.ok(points[0].seq > points.at(-1).seq, 'newest first')
    const top = JSON.parse((await ls('/')).text)
    assert.deepEqual(top.folders, [{ id: keyHash('inbox'), name: 'Inbox' }])
    const now = JSON.parse((await ls('/inbox')).text)
    assert.deepEqual(now.items.map((i: { name: string }) => i.name).sort(), [
      'subject of a',
      'subject of b',
    ])
    assert.deepEqual(now.items[0].forms, ['json', 'mime'])
    assert.equal(now.ledger.open, 1)
    const then = JSON.parse((await ls('Inbox', '--at', before)).text)
    assert.ok(then.point.seq < now.point.seq)
    assert.ok(then.point.time <= before)
    assert.equal(then.ledger.open, 0)
  })

  test('prints no command to the terminal, whatever a file is called', async () => {
    const path = ['vault', 'ls', ...onDrive.options, ...owner, `d/${keyHash('d/top')}`]
    for (const options of [[], ['--json']]) {
      const { code, text, errors } = await holdfast([...path, ...options])
      assert.equal(code, 0, errors)
      assert.match(text, /red/)
      assert.ok(!text.includes('\u001b') && !text.includes('\u202e'))
    }
  })
})

describe('holdfast vault cat', () => {
  const cat = (...more: string[]) =>
    holdfast(['vault', 'cat', ...onMail.options, ...owner, ...more])
  const a = ['--item', keyHash('a')]

  test('prints a message as it is and as it was, and what Graph said of it', async () => {
    assert.equal((await cat(...a)).text, 'From: a\r\n\r\nsecond')
    assert.equal((await cat(...a, '--at', before)).text, 'From: a\r\n\r\nfirst')
    assert.deepEqual(JSON.parse((await cat(...a, '--as', 'json')).text), { id: 'a', flags: '' })
  })

  test('says what is wrong, what about, and what to do', async () => {
    const unknown = await cat('--item', keyHash('nothing'))
    assert.equal(unknown.code, 2)
    assert.match(unknown.errors, /No item with this id.*ItemUnknown[\s\S]*holdfast vault ls/)
    const noForm = await cat(...a, '--as', 'content')
    assert.equal(noForm.code, 2)
    assert.match(noForm.errors, /It is held as: json, mime/)
    assert.equal((await cat('--item', 'x')).code, 64)
    assert.equal((await cat(...a, '--at', 'yesterday')).code, 64)
    assert.equal((await cat(...a, '--at', '2001-01-01')).code, 2)
    const keyless = ['--vault', onMail.vault, ...owner, ...a]
    const sealed = await holdfast(['vault', 'cat', ...keyless])
    assert.equal(sealed.code, 64)
    assert.match(sealed.errors, /--keys/)
    const noKey = await holdfast(['vault', 'cat', ...keyless, '--keys', onMail.vault])
    assert.equal(noKey.code, 2)
    assert.match(noKey.errors, /KeyMissing/)
    const noVault = await holdfast(['vault', 'ls', '--vault', onMail.keys])
    assert.equal(noVault.code, 2)
    assert.match(noVault.errors, /NotAVault/)
  })

  test('needs no index secret: the key brings it back from a commit', async () => {
    const file = join(onMail.folder, 'one', `${mail.owner}.json`)
    await mkdir(join(onMail.folder, 'one'))
    await writeFile(file, JSON.stringify({ holdfast: 1, ...mail.keys.fileOf(mail.owner) }))
    const one = ['--vault', onMail.vault, '--keys', file]
    assert.equal((await holdfast(['vault', 'cat', ...one, ...owner, ...a])).code, 0)
  })
})

describe('holdfast vault restore-to-folder', () => {
  const restore = (out: string, ...more: string[]) =>
    holdfast(['vault', 'restore-to-folder', ...onDrive.options, ...owner, ...more, out])

  test('writes every byte under safe names, inside the folder, and again writes nothing', async () => {
    const out = join(onDrive.folder, 'deep', 'out')
    const first = await restore(out, '--json')
    assert.equal(first.code, 0, first.errors)
    const found = await filesBelow(out)
    // Two folders become one name, and so do three files; which is first is the state's order.
    const contents = Object.values(found).sort()
    assert.deepEqual(contents, [...FILES.map(([, content]) => content), 'in the twin'].sort())
    const names = Object.keys(found)
    assert.deepEqual([...new Set(names.map((n) => n.split('/').slice(0, 2).join('/')))], ['mail/d'])
    assert.deepEqual((await readdir(join(out, 'mail', 'd'))).sort(), ['.._Top_', '.._Top_ (2)'])
    const ofContent = (content: string) => names.find((name) => found[name] === content) ?? ''
    assert.match(ofContent('climbs'), /\/\.\._\.\._x$/)
    assert.match(ofContent('a device'), /\/_CON$/)
    assert.match(ofContent('slashes'), /\/a_b_c\.txt$/)
    const same = ['first', 'second', 'third'].map((c) => ofContent(c).split('/').at(-1) ?? '')
    assert.equal(new Set(same.map((name) => name.toLowerCase())).size, 3)
    assert.equal(same.filter((name) => / \(\d\)/.test(name)).length, 2)
    assert.deepEqual(await readdir(join(onDrive.folder, 'deep')), ['out'])
    const { mode } = await stat(join(out, ofContent('climbs')))
    assert.equal(mode & 0o777, 0o600)
    const [report] = JSON.parse(first.text).workloads
    assert.deepEqual([report.written, report.alreadyThere], [FILES.length + 1, 0])

    const second = JSON.parse((await restore(out, '--json')).text).workloads[0]
    assert.deepEqual([second.written, second.alreadyThere], [0, FILES.length + 1])
    assert.deepEqual(await filesBelow(out), found)
  })

  test('overwrites nothing: what another file has the name of takes the next number', async () => {
    const out = join(onDrive.folder, 'again')
    await restore(out)
    const found = await filesBelow(out)
    const name = Object.keys(found).find((path) => found[path] === 'in the twin') ?? ''
    await writeFile(join(out, name), 'mine own')
    const { code, text } = await restore(out, '--json')
    assert.equal(code, 0)
    assert.equal(JSON.parse(text).workloads[0].written, 1)
    const now = await filesBelow(out)
    assert.equal(now[name], 'mine own')
    assert.equal(now[name.replace('.txt', ' (2).txt')], 'in the twin')
  })

  test('follows no link out of the folder, whoever put it there', async () => {
    const out = join(onDrive.folder, 'linked')
    const away = join(onDrive.folder, 'away')
    await Promise.all([mkdir(join(out, 'mail'), { recursive: true }), mkdir(away)])
    await symlink(away, join(out, 'mail', 'd'))
    const { code, text } = await restore(out)
    assert.equal(code, 1)
    assert.match(text, /OutputBlocked/)
    assert.deepEqual(await readdir(away), [])
    assert.ok((await lstat(join(out, 'mail', 'd'))).isSymbolicLink())
  })

  test('restores one folder, mail as .eml, and says what the ledger holds back', async () => {
    const part = join(onDrive.folder, 'part')
    const twin = keyHash('d/twin')
    assert.equal((await restore(part, '--folder', `d/${twin}`)).code, 0)
    assert.deepEqual(Object.values(await filesBelow(part)), ['in the twin'])
    assert.equal((await restore(part, '--folder', 'nowhere')).code, 2)
    const out = join(onMail.folder, 'out')
    const mails = ['vault', 'restore-to-folder', ...onMail.options, ...owner, out]
    const { code, text } = await holdfast(mails)
    assert.equal(code, 0)
    assert.deepEqual(await filesBelow(out), {
      'mail/Inbox/subject of a.eml': 'From: a\r\n\r\nsecond',
      'mail/Inbox/subject of b.eml': 'From: b\r\n\r\nother',
    })
    assert.match(text, /1 item could not be stored when they were seen|the ledger/)
  })

  test('writes all that can be read of a damaged vault, names the rest, and ends with 1', async (t) => {
    const damaged = await dump(t, drive, [drive.owner])
    const packs = Object.keys(await filesBelow(join(damaged.vault, 'packs')))
    const sizes = await Promise.all(
      packs.map(async (name) => (await stat(join(damaged.vault, 'packs', name))).size),
    )
    const largest = packs[sizes.indexOf(Math.max(...sizes))] ?? ''
    await rm(join(damaged.vault, 'packs', largest))
    const out = join(damaged.folder, 'out')
    const args = ['vault', 'restore-to-folder', ...damaged.options, ...owner, '--json', out]
    const { code, text, errors } = await holdfast(args)
    assert.equal(code, 1, errors)
    const { workloads, named } = JSON.parse(text)
    const written = Object.keys(await filesBelow(out))
    assert.equal(written.length, workloads[0].written)
    assert.ok(workloads[0].failed > 0)
    assert.equal(workloads[0].failed + written.length, FILES.length + 1)
    assert.equal(named.length, workloads[0].failed)
    assert.ok(written.every((name) => !name.endsWith('.holdfast-part')))
  })
})

test('what a damaged commit said is missing, and that is said', async (t) => {
  const { vault, options } = await dump(t, await damagedChain(t), [mail.owner])
  const at = [...options, ...owner]
  const cat = await holdfast(['vault', 'cat', ...at, '--item', keyHash('a')])
  assert.deepEqual([cat.code, cat.text], [1, 'the first'])
  assert.match(cat.errors, /may be a newer version/)
  const ls = await holdfast(['vault', 'ls', ...at, '/Inbox'])
  assert.equal(ls.code, 1)
  assert.match(ls.errors, /1 commit cannot be read/)
  const restored = await holdfast(['vault', 'restore-to-folder', ...at, join(vault, '..', 'out')])
  assert.equal(restored.code, 1)
  assert.match(restored.text, /1 commit cannot be read: what they said is missing/)
})

/** Two commits of one message, then one of another; a part of the second is gone. */
async function damagedChain(t: TestContext) {
  const on = memoryVault()
  await on.vault.prepare(never)
  const user = { graphId: id('u'), kind: 'user', name: 'U' }
  await on.vault.registerOwner({ owner: mail.owner, ...user }, never)
  const stream = await on.vault.stream(mail.owner, 'mail', never)
  let last: CommitRef | undefined
  for (const [item, content] of [
    ['a', 'the first'],
    ['a', 'the second'],
    ['b', 'another'],
  ] as const) {
    const writer = stream.begin(last)
    const event = putEvent(
      item,
      await writer.addVersion(version(item, Buffer.from(content)), never),
    )
    // Noise, so that the part lies beside the commit.
    if (content === 'the second') event.display.name = randomBytes(300_000).toString('base64')
    const inbox = { ...event, item: id('inbox'), kind: 'container', display: { name: 'Inbox' } }
    const folder = { ...inbox, place: { container: CONTAINERS, sortKey: '0' }, representations: [] }
    const events = last === undefined ? [folder as PutEvent, event] : [event]
    const done = await writer.commit(contentOf(events), { complete: true }, never)
    assert.ok(done.outcome === 'committed', t.name)
    last = { seq: done.commit.seq, hash: done.commit.hash, time: done.commit.time }
  }
  for (const name of on.store.blobs.keys()) if (name.endsWith('.mf')) on.store.blobs.delete(name)
  return { blobs: on.store, keys: on.keys }
}

test('--help of every command is complete, and an unknown option is a usage error', async () => {
  for (const command of [['vault'], ['vault', 'restore-to-folder']]) {
    const { code, text } = await holdfast([...command, '--help'])
    assert.equal(code, 0)
    assert.match(text, /Usage: holdfast/)
  }
  assert.match((await holdfast(['--help'])).text, /Exit codes:[\s\S]*130/)
  assert.equal((await holdfast(['vault', 'ls', '--colour'])).code, 64)
  assert.equal((await holdfast(['vault', 'burn'])).code, 64)
})
