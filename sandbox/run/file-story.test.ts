import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createControlClient, startTenant } from '../tenant/index.ts'
import { judgeSites, parseFidelity } from '../verdict/index.ts'
import {
  addSecondLibrary,
  attackFiles,
  type FileWish,
  librariesOf,
  tellFileStory,
} from './file-story.ts'
import { fileHoldings, type SiteSnapshots, siteSnapshots } from './sites.ts'

const FIDELITY = parseFidelity('| field | when |\n|-|-|\n| `id` | always |\n')
const seed = { seed: 5, users: 3, messages: 1, files: 24, folders: 10, sites: 2 }
const tenant = await startTenant({ seed })
after(() => tenant.stop())
const control = createControlClient(tenant.controlUrl)

/** As if nothing had been restored. */
function unrestored(before: SiteSnapshots, damaged: SiteSnapshots, wishes: readonly FileWish[]) {
  const cases = [...before].flatMap(([url, was]) => {
    const is = damaged.get(url)
    const restores = wishes.filter(({ site }) => site === url).map(({ asked }) => asked)
    const none = { refused: [], notStored: new Set<string>() }
    return is ? [{ before: was, damaged: is, after: is, restores, ...none }] : []
  })
  return judgeSites(cases, FIDELITY)
}

test('what is to be backed up is every library of people and teams, and a second one is made', async () => {
  const { files } = await fileHoldings(control)
  await addSecondLibrary(control)
  await addSecondLibrary(control)
  assert.equal((await fileHoldings(control)).files, files + 6)
})

test('the story does damage in three places, and asks for all of it back', async () => {
  const before = await siteSnapshots(control)
  const story = await tellFileStory(control, before)
  const verdict = unrestored(before, await siteSnapshots(control), story.wishes)
  assert.equal(story.wishes.length, 4)
  assert.ok(verdict.expected > 15)
  assert.equal(verdict.missing, verdict.expected)
  const missing = verdict.problems.filter(({ kind }) => kind === 'missing')
  assert.equal(new Set(missing.map(({ user }) => user)).size, 3)
  const folders = verdict.problems.filter(({ kind }) => kind === 'folder-missing')
  assert.ok(folders.length >= 2, 'a folder and a library')
})

test('ransomware reaches every library, and all that it hit is asked back', async () => {
  const before = await siteSnapshots(control)
  const attack = await attackFiles(control, {
    ...{ sites: before, libraries: librariesOf(before), share: 1 },
  })
  const verdict = unrestored(before, await siteSnapshots(control), attack.wishes)
  const files = [...before.values()].flatMap(({ drives }) =>
    drives.flatMap(({ items }) => items.filter(({ kind }) => kind === 'file')),
  )
  assert.equal(attack.encrypted + attack.deleted, files.length)
  assert.deepEqual([verdict.expected, verdict.untouched], [files.length, 0])
})
