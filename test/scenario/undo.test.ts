/** P7 through HTTP: a restore that was a mistake is taken back, and what people did since is not. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { undo } from '../../sandbox/run/restore.ts'
import { Company } from './company.ts'
import { Person } from './person.ts'

const FOLDER = 'Inbox/Project'

describe('a restore that was a mistake', { timeout: 240_000 }, () => {
  let company: Company
  let eve: Person

  before(async () => {
    company = await Company.start({ users: 1, messages: 3 })
    await company.api.setup()
    eve = await Person.hire(company, 'Eve Undo')
    await company.control.createFolder({ user: eve.address, folder: 'inbox', name: 'Project' })
  })
  after(async () => {
    await company?.stop()
  })

  /** Of what the restore made; the folder that was deleted is among the deleted items. */
  async function restored(subject: string): Promise<string> {
    const { messages } = await eve.snapshot()
    const found = messages.find((m) => m.subject === subject && m.folderPath === FOLDER)
    assert.ok(found, subject)
    return found.immutableId
  }

  test('P7: is undone by what it made, but for what somebody edited or moved since', async () => {
    await eve.deliver('Stays')
    await eve.deliverMany(4, 'Lost', { folder: FOLDER })
    await company.backUp()
    const known = await eve.remember()
    await company.control.deleteFolder({ user: eve.address, folder: FOLDER })
    const { job } = await eve.restore(known)
    assert.equal(job.counts['restored'], 4)
    const edited = await restored('Lost 1')
    await company.control.edit({ user: eve.address, message: edited, body: 'Written since' })
    const moved = await restored('Lost 2')
    await company.control.move({ user: eve.address, message: moved, folder: 'archive' })

    const undone = await undo(company.api, job.id, AbortSignal.timeout(company.waitMs))

    const became = undone.lines.map(({ name, outcome, code }) => [name, outcome, code ?? ''])
    assert.deepEqual(became.sort(), [
      ['Lost 1', 'left', 'EditedSince'],
      ['Lost 2', 'left', 'MovedSince'],
      ['Lost 3', 'removed', ''],
      ['Lost 4', 'removed', ''],
      ['Project', 'left', 'FolderNotEmpty'],
    ])
    const seen = await company.truth(eve.address)
    assert.deepEqual(
      seen.filter((place) => place.includes('Inbox') || place.includes('Archive')),
      ['Archive/Lost 2', 'Inbox/Project/Lost 1', 'Inbox/Stays'],
    )
    await company.backUpUntilDeleted()
    await eve.assertSame()
  })
})
