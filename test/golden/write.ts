/**
 * Writes the golden vaults: `node test/golden/write.ts`. By hand only, once for each version of
 * the format or for a vault of a new name; what is there is never written again. A golden vault
 * that cannot be read any more is a broken promise, not a fixture to renew.
 */
import { writeDrive } from './drive-story.ts'
import { goldenNames } from './golden-folder.ts'
import { writeMailbox } from './mailbox-story.ts'

const STORIES: Readonly<Record<string, (name: string) => Promise<void>>> = {
  'v1-mailbox': writeMailbox,
  'v1-drive': writeDrive,
}

for (const [name, write] of Object.entries(STORIES)) {
  if (goldenNames().includes(name)) {
    console.log(`${name} is there and stays as it is`)
    continue
  }
  await write(name)
  console.log(`${name} is written`)
}
