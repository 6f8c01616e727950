/** What a restore does with things that have unique names and long content: files. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import { keyHash } from '../model/ids.ts'
import type { RestoreReport } from './index.ts'
import { drive, planned, replayed, undone, undoPlanned, wholeReport } from './testing/drive.ts'
import { type DriveWorld, LIBRARY, makeDriveWorld } from './testing/drive-world.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { PIECE } from './testing/scripted-drive.ts'
import { LAG_MS, LEASE_MARGIN_MS, SLICE_MS } from './testing/world.ts'

const TEXT = 'The whole text of a file, which takes several pieces.'
const DAY = '2026-06-01'

/** A library that holds one file; in the target it is not, unless the test puts it there. */
async function oneFile(text = TEXT): Promise<DriveWorld> {
  const world = await makeDriveWorld()
  await world.commit([
    world.folder(LIBRARY, 'Documents'),
    world.file('b!library/1', LIBRARY, 'Report.docx', text),
  ])
  return world
}

/** The same, and the file is there with other content. */
async function overwritten(): Promise<DriveWorld> {
  const world = await oneFile()
  world.stand('b!library/1', LIBRARY, 'Report.docx', 'encrypted', 1)
  return world
}

const standing = (world: DriveWorld) =>
  world.drive.files.map(({ name, text }) => `${name}: ${text}`).sort()
const items = (report: RestoreReport) => report.lines.filter((line) => line.kind === 'item')
const step = (world: DriveWorld, job: string, process?: Process) =>
  world.restore(process).step(job, { deadline: world.clock.now() + SLICE_MS }, NEVER)

async function started(world: DriveWorld, request: Record<string, unknown> = {}) {
  const plan = await planned(world, request)
  await plan.restore.start(plan.job, plan.report.planHash, 'operator', NEVER)
  return plan
}

describe('the answers to a conflict of files', () => {
  it('skip leaves what is there', async () => {
    const world = await overwritten()
    const report = await replayed(world, await planned(world, { conflict: 'skip' }))
    assert.deepEqual(standing(world), ['Report.docx: encrypted'])
    assert.equal(report.counts.skipped, 1)
  })

  it('copy makes one beside, under a name that says what it is', async () => {
    const world = await overwritten()
    await replayed(world, await planned(world, { conflict: 'copy' }))
    assert.deepEqual(standing(world), [
      `Report (restored ${DAY}).docx: ${TEXT}`,
      'Report.docx: encrypted',
    ])
  })

  it('copy finds the next free name, also beside a folder of that name', async () => {
    const world = await overwritten()
    world.stand('x', LIBRARY, `REPORT (restored ${DAY}).docx`, 'of somebody')
    const name = `report (restored ${DAY}, 2).docx`
    world.drive.folders.push({ id: graphId('f'), parent: LIBRARY, name })
    const report = await replayed(world, await planned(world, { conflict: 'copy' }))
    assert.equal(items(report)[0]?.name, `Report (restored ${DAY}, 3).docx`)
    assert.ok(standing(world).includes(`Report (restored ${DAY}, 3).docx: ${TEXT}`))
  })

  it('copy gives a file its own name back where the one that is there lost it', async () => {
    const world = await oneFile()
    world.stand('b!library/1', LIBRARY, 'Report.docx.locked', 'encrypted', 1)
    await replayed(world, await planned(world, { conflict: 'copy' }))
    assert.deepEqual(standing(world), ['Report.docx.locked: encrypted', `Report.docx: ${TEXT}`])
  })

  it('version makes a version of the file that is there, and keeps the one before', async () => {
    const world = await overwritten()
    const report = await replayed(world, await planned(world, { conflict: 'version' }))
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
    assert.deepEqual(world.drive.files[0]?.before, ['encrypted'])
    assert.equal(items(report)[0]?.newId, 'b!library/1')
    assert.equal(report.counts.verified, 1)
  })

  it('replace makes the new one first, and throws the old one away when it is read back', async () => {
    const world = await overwritten()
    const seen: string[][] = []
    world.drive.onRemove = () => Promise.resolve(void seen.push(standing(world)))
    const report = await replayed(world, await planned(world, { conflict: 'replace' }))
    assert.deepEqual(seen, [[`Report (restored ${DAY}).docx: ${TEXT}`, 'Report.docx: encrypted']])
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
    assert.deepEqual(
      world.drive.bin.map(({ text }) => text),
      ['encrypted'],
    )
    assert.deepEqual([report.totals.replace, report.counts.restored], [1, 1])
  })

  it('replace leaves both where the new one is not whole', async () => {
    const world = await overwritten()
    world.drive.check = () => ({ outcome: 'differs', fields: ['content'], isWhole: false })
    const report = await replayed(world, await planned(world, { conflict: 'replace' }))
    assert.equal(world.drive.files.length, 2)
    assert.equal(items(report)[0]?.code, 'NotReplaced')
    assert.match(items(report)[0]?.message ?? '', /stands as "Report \(restored/)
  })

  it('replace takes an Office file that SharePoint rewrote for whole', async () => {
    const world = await overwritten()
    const fields = ['content (rewritten by SharePoint)']
    world.drive.check = () => ({ outcome: 'differs', fields, isWhole: true })
    const report = await replayed(world, await planned(world, { conflict: 'replace' }))
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
    assert.deepEqual(items(report)[0]?.fields, fields)
  })

  it('replace leaves both where somebody saved the file after the plan', async () => {
    const world = await overwritten()
    const plan = await planned(world, { conflict: 'replace' })
    const [file] = world.drive.files
    assert.ok(file)
    Object.assign(file, { text: 'newer work', revision: 2 })
    const report = await replayed(world, plan)
    assert.deepEqual(standing(world), [
      `Report (restored ${DAY}).docx: ${TEXT}`,
      'Report.docx: newer work',
    ])
    assert.equal(items(report)[0]?.code, 'ChangedSince')
  })

  it('replace says so where the name was taken meanwhile', async () => {
    const world = await overwritten()
    world.drive.onRemove = () => {
      world.stand('x', LIBRARY, 'report.DOCX', 'of somebody')
      return Promise.resolve()
    }
    const [file] = world.drive.files
    assert.ok(file)
    file.name = 'Report.docx.locked'
    const report = await replayed(world, await planned(world, { conflict: 'replace' }))
    assert.equal(items(report)[0]?.code, 'NameTaken')
    assert.ok(standing(world).includes(`Report (restored ${DAY}).docx: ${TEXT}`))
  })

  it('none of them touches a file that is there with the same content', async () => {
    for (const conflict of ['skip', 'copy', 'replace', 'version']) {
      const world = await oneFile()
      world.stand('b!library/1', LIBRARY, 'Report.docx', TEXT, 1)
      const { report } = await planned(world, { conflict })
      assert.equal(report.totals.alreadyThere, 1, conflict)
      assert.deepEqual(world.opened, [], 'nothing of the content is opened for that')
    }
  })
})

describe('names of restored files', () => {
  it('differ where the backup lists two files of one name', async () => {
    const world = await makeDriveWorld()
    await world.commit([
      world.folder(LIBRARY, 'Documents'),
      world.file('b!library/1', LIBRARY, 'a.txt', 'one'),
      world.file('b!library/2', LIBRARY, 'A.TXT', 'two'),
    ])
    await replayed(world, await planned(world))
    const names = world.drive.files.map(({ name }) => name.toLowerCase())
    assert.equal(new Set(names).size, 2)
    assert.deepEqual(world.drive.files.map(({ text }) => text).sort(), ['one', 'two'])
  })

  it('differ from folders that the restore makes', async () => {
    const world = await makeDriveWorld()
    const folder = graphId('b!library/f')
    await world.commit([
      world.folder(LIBRARY, 'Documents'),
      world.folder(folder, 'Plans', LIBRARY),
      world.file('b!library/1', LIBRARY, 'plans', 'a file'),
      world.file('b!library/2', folder, 'plans', 'inside'),
    ])
    await replayed(world, await planned(world))
    assert.deepEqual(standing(world), ['plans: inside', `plans (restored ${DAY}): a file`].sort())
  })

  it('are the same whatever a planner dies of', async () => {
    const files = Array.from({ length: 250 }, (_, n) => `b!library/${n}`)
    const make = async () => {
      const world = await makeDriveWorld()
      const events = files.map((id) => world.file(id, LIBRARY, 'same.txt', id))
      await world.commit([world.folder(LIBRARY, 'Documents'), ...events])
      return world
    }
    const whole = items((await planned(await make())).report).map(({ name }) => name)
    assert.equal(new Set(whole).size, files.length)
    const world = await make()
    const { key: resource, workload } = world
    const body = { resource, workload, at: { seq: 1 }, selection: { all: true } }
    const request = { ...body, destination: { kind: 'original' } }
    const { id } = await world.restore().create(request, 'operator', NEVER)
    for (const points of [40, 90, 300, 500]) {
      await step(world, id, new Process(points)).catch((error) => {
        if (!(error instanceof ProcessDied)) throw error
      })
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    }
    await drive(world, world.restore(), id)
    const report = await wholeReport(world.restore(), id)
    assert.deepEqual(
      items(report).map(({ name }) => name),
      whole,
    )
  })

  it('that cannot be there are refused in the plan, with the reason', async () => {
    const world = await makeDriveWorld()
    const [library] = world.drive.folders
    assert.ok(library)
    library.pathLength = 380
    await world.commit([
      world.folder(LIBRARY, 'Documents'),
      world.file('b!library/1', LIBRARY, 'short.txt', 'short'),
      world.file('b!library/2', LIBRARY, 'rather longer name.txt', 'long'),
      world.file('b!library/3', LIBRARY, 'a:b.txt', 'colon'),
    ])
    const plan = await planned(world)
    assert.equal(plan.report.totals.refused, 2)
    const report = await replayed(world, plan)
    assert.deepEqual(standing(world), ['short.txt: short'])
    const codes = items(report).flatMap(({ code }) => code ?? [])
    assert.deepEqual(codes.sort(), ['NameRefused', 'PathTooLong'])
    assert.equal(report.counts.refused, 2)
  })

  it('of a folder that the request names are checked before anything is planned', async () => {
    const world = await oneFile()
    const destination = { kind: 'resource', resource: world.key, folder: 'What?' }
    const { report } = await planned(world, { destination })
    assert.equal(report.state, 'failed')
    assert.equal(report.trouble, 'FolderNameRefused')
  })
})

describe('where files go', () => {
  const folders = (world: DriveWorld) =>
    world.drive.folders.map(({ id, name, parent }) => {
      const above = world.drive.folders.find((f) => f.id === parent)
      return above ? `${above.name}/${name}` : `${name}${id === LIBRARY ? '' : ' (new)'}`
    })

  it('a library that is gone is made anew in its own place', async () => {
    const world = await oneFile()
    world.drive.folders.splice(0)
    world.drive.folders.push({ id: graphId('b!other'), name: 'Other', isHome: true })
    await replayed(world, await planned(world))
    assert.deepEqual(folders(world), ['Other (new)', 'Documents (new)'])
    assert.equal(world.drive.files.length, 1)
  })

  it('elsewhere a library goes to the one of its name, or into the default one', async () => {
    const world = await makeDriveWorld()
    await world.commit([
      world.folder(LIBRARY, 'documents'),
      world.folder(graphId('b!plans'), 'Plans'),
      world.file('b!library/1', LIBRARY, 'a.txt', 'a'),
      world.file('b!plans/1', 'b!plans', 'b.txt', 'b'),
    ])
    const destination = { kind: 'resource', resource: world.key }
    await replayed(world, await planned(world, { destination }))
    assert.deepEqual(folders(world), ['Documents', 'Documents/Plans'])
    const byName = new Map(world.drive.files.map(({ name, container }) => [name, container]))
    assert.equal(byName.get('a.txt'), LIBRARY)
    assert.notEqual(byName.get('b.txt'), LIBRARY)
  })

  it('a folder of the request is made in the default library', async () => {
    const world = await oneFile()
    const destination = { kind: 'resource', resource: world.key, folder: 'Restored' }
    await replayed(world, await planned(world, { destination }))
    assert.deepEqual(folders(world), ['Documents', 'Documents/Restored', 'Restored/Documents'])
  })

  it('a file whose folder is not held any more goes into the default library', async () => {
    const world = await oneFile()
    await world.commit([world.file('b!library/9', 'b!library/lost', 'lost.txt', 'lost')])
    const selection = { items: [keyHash('b!library/9')] }
    await replayed(world, await planned(world, { selection }))
    assert.deepEqual(folders(world), ['Documents', 'Documents/Recovered items'])
  })
})

describe('an earlier version of a file', () => {
  const FOLDER = graphId('b!library/f')
  const FILE = 'b!library/1'

  /** The file and two earlier versions of it, which stand in a container of their own. */
  async function versions(): Promise<DriveWorld> {
    const world = await makeDriveWorld()
    const earlier = (n: number) =>
      world.file(`${FILE}@${n}`, `${FILE}@`, 'Report.docx', `as it was ${n}`)
    await world.commit([
      world.folder(LIBRARY, 'Documents'),
      world.folder(FOLDER, 'Plans', LIBRARY),
      world.file(FILE, FOLDER, 'Report.docx', 'now'),
      earlier(1),
      earlier(2),
    ])
    world.drive.folders.push({ id: FOLDER, name: 'Plans', parent: LIBRARY })
    world.stand(FILE, FOLDER, 'Report.docx', 'now')
    return world
  }
  const selected = (...ids: string[]) => ({ selection: { items: ids.map((id) => keyHash(id)) } })

  it('comes back beside the file, onto it or in its place, as the request says', async () => {
    for (const [conflict, expected] of [
      ['skip', ['Report.docx: now']],
      ['copy', [`Report (restored ${DAY}).docx: as it was 1`, 'Report.docx: now']],
      ['version', ['Report.docx: as it was 1']],
      ['replace', ['Report.docx: as it was 1']],
    ] as const) {
      const world = await versions()
      await replayed(world, await planned(world, { conflict, ...selected(`${FILE}@1`) }))
      assert.deepEqual(standing(world), expected)
      assert.ok(world.drive.files.every(({ container }) => container === FOLDER))
    }
  })

  it('is there already where the file has its content again', async () => {
    const world = await versions()
    const [file] = world.drive.files
    assert.ok(file)
    Object.assign(file, { text: 'as it was 1', revision: 5 })
    const { report } = await planned(world, { conflict: 'copy', ...selected(`${FILE}@1`) })
    assert.equal(report.totals.alreadyThere, 1)
  })

  it('goes onto the file alone: a second one of the same request comes beside it', async () => {
    const world = await versions()
    const both = selected(`${FILE}@1`, `${FILE}@2`)
    await replayed(world, await planned(world, { conflict: 'version', ...both }))
    assert.deepEqual(standing(world), [
      `Report (restored ${DAY}).docx: as it was 2`,
      'Report.docx: as it was 1',
    ])
  })

  it('comes back as the file where that is gone', async () => {
    const world = await versions()
    world.drive.files.splice(0)
    await replayed(world, await planned(world, selected(`${FILE}@2`)))
    assert.deepEqual(standing(world), ['Report.docx: as it was 2'])
  })

  it('is no part of a restore of folders', async () => {
    const world = await versions()
    const { report } = await planned(world)
    assert.equal(report.totals.items, 1)
  })
})

describe('a long upload', () => {
  const PIECES = Math.ceil(TEXT.length / PIECE)

  it('goes on where a killed worker left it, so that one piece at most is sent twice', async () => {
    for (let deadAfter = 1; deadAfter < PIECES; deadAfter += 1) {
      const world = await oneFile()
      const plan = await started(world)
      const process = new Process()
      let sent = 0
      world.drive.onPiece = () => {
        sent += 1
        if (sent === deadAfter) process.kill()
        return Promise.resolve()
      }
      await assert.rejects(step(world, plan.job, process), ProcessDied)
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
      await drive(world, plan.restore, plan.job)
      assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`], `killed after ${deadAfter}`)
      const addresses = new Set(world.drive.pieces.map(({ address }) => address))
      // Killed before the first piece was noted, an upload begins anew.
      assert.ok(world.drive.pieces.length <= PIECES + 1)
      assert.equal(addresses.size, deadAfter === 1 ? 2 : 1)
    }
  })

  it('outlives more workers than an item has attempts', async () => {
    const world = await oneFile(TEXT.repeat(3))
    const plan = await started(world)
    for (let deaths = 0; deaths < 8; deaths += 1) {
      const process = new Process()
      let sent = 0
      world.drive.onPiece = () => {
        sent += 1
        if (sent === 3) process.kill()
        return Promise.resolve()
      }
      await step(world, plan.job, process).catch((error) => {
        if (!(error instanceof ProcessDied)) throw error
      })
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS + LAG_MS)
    }
    world.drive.onPiece = () => Promise.resolve()
    await drive(world, plan.restore, plan.job)
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT.repeat(3)}`])
  })

  it('stops at the end of a slice and goes on in the next one, without a wait', async () => {
    const world = await oneFile()
    const plan = await started(world)
    // Each piece takes a third of a slice.
    world.drive.onPiece = () => Promise.resolve(world.clock.advance(SLICE_MS / 3))
    const outcomes = await drive(world, plan.restore, plan.job)
    assert.ok(outcomes.length > 3)
    assert.ok(outcomes.slice(0, -1).every(({ state }) => state === 'more'))
    assert.equal(world.drive.pieces.length, PIECES)
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
  })

  it('begins anew where the service forgot it', async () => {
    const world = await oneFile()
    const plan = await started(world)
    const process = new Process()
    let sent = 0
    world.drive.onPiece = () => {
      sent += 1
      if (sent === 4) process.kill()
      return Promise.resolve()
    }
    await assert.rejects(step(world, plan.job, process), ProcessDied)
    world.drive.uploads.clear()
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    await drive(world, plan.restore, plan.job)
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
  })

  it('whose last answer is lost is found by its name and content, and not sent again', async () => {
    const world = await oneFile()
    world.drive.lasts.push('applied-lost')
    world.drive.delaysMs.push(LAG_MS)
    await replayed(world, await planned(world))
    assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
    assert.equal(world.drive.pieces.length, PIECES)
  })

  it('is stopped by a cancel, and makes nothing', async () => {
    const world = await oneFile()
    const plan = await started(world)
    world.drive.onPiece = async () => {
      world.clock.advance(SLICE_MS)
      await world.restore().cancel(plan.job, NEVER)
    }
    await drive(world, plan.restore, plan.job)
    assert.equal((await wholeReport(plan.restore, plan.job)).state, 'cancelled')
    assert.deepEqual(standing(world), [])
  })

  it('leaves its address in no row that can be read, and in none at all at the end (P9)', async () => {
    const world = await oneFile()
    const plan = await started(world)
    const process = new Process()
    let sent = 0
    world.drive.onPiece = () => {
      sent += 1
      if (sent === 5) process.kill()
      return Promise.resolve()
    }
    await assert.rejects(step(world, plan.job, process), ProcessDied)
    const slot = await world.catalogue.slots.get(plan.job, 1, NEVER)
    const { upload } = JSON.parse(slot?.body ?? '{}').run
    assert.equal(typeof upload, 'string')
    assert.ok(!Buffer.from(upload, 'base64').toString().includes('upload.example'))
    assert.ok(!slot?.body.includes('upload.example'))
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    await drive(world, plan.restore, plan.job)
    const ended = await world.catalogue.slots.get(plan.job, 1, NEVER)
    assert.equal(JSON.parse(ended?.body ?? '{}').run.upload, undefined)
  })
})

describe('a process that dies at any point of a replacement', () => {
  it('leaves one file of that name and content, and the old one in the bin', async () => {
    let deaths = 0
    for (let point = 0; ; point += 1) {
      const world = await overwritten()
      const plan = await started(world, { conflict: 'replace' })
      const process = new Process(point)
      try {
        await step(world, plan.job, process)
      } catch (error) {
        if (!(error instanceof ProcessDied)) throw error
        deaths += 1
      }
      assert.ok(standing(world).length >= 1, 'at no time there is nothing')
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
      await drive(world, plan.restore, plan.job)
      assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`], `died at ${point}`)
      assert.deepEqual(
        world.drive.bin.map(({ text }) => text),
        ['encrypted'],
      )
      const report = await wholeReport(plan.restore, plan.job)
      assert.deepEqual([report.counts.restored, report.counts.pending], [1, 0])
      if (!process.dead) break
    }
    assert.ok(deaths > 20, `${deaths} points`)
  })
})

describe('the undo of a restore of files', () => {
  it('removes what was made, and folders that are empty then', async () => {
    const world = await makeDriveWorld()
    const folder = graphId('b!library/f')
    await world.commit([
      world.folder(LIBRARY, 'Documents'),
      world.folder(folder, 'Plans', LIBRARY),
      world.file('b!library/1', folder, 'a.txt', 'a'),
    ])
    const plan = await planned(world)
    await replayed(world, plan)
    const report = await undone(world, await undoPlanned(world, plan.job))
    assert.deepEqual(standing(world), [])
    assert.deepEqual(
      world.drive.folders.map(({ name }) => name),
      ['Documents'],
    )
    assert.equal(report.counts.removed, 1)
  })

  it('leaves what somebody saved since', async () => {
    const world = await oneFile()
    const plan = await planned(world)
    await replayed(world, plan)
    const [file] = world.drive.files
    assert.ok(file)
    Object.assign(file, { text: 'newer', revision: 9 })
    const report = await undone(world, await undoPlanned(world, plan.job))
    assert.equal(items(report)[0]?.code, 'EditedSince')
    assert.deepEqual(standing(world), ['Report.docx: newer'])
  })

  it('takes away nothing that has nothing behind it: a replacement, a version', async () => {
    for (const [conflict, code] of [
      ['replace', 'Replaced'],
      ['version', 'NewVersion'],
    ] as const) {
      const world = await overwritten()
      const plan = await planned(world, { conflict })
      await replayed(world, plan)
      const report = await undone(world, await undoPlanned(world, plan.job))
      assert.deepEqual(standing(world), [`Report.docx: ${TEXT}`])
      assert.deepEqual([items(report)[0]?.outcome, items(report)[0]?.code], ['left', code])
    }
  })
})
