/**
 * Ransomware on a drive: overwrites files with their own encrypted bytes and renames them, deletes
 * some, and leaves a note. What it does follows from its seed and the files.
 *
 * Invariants: it works as a sync client with its owner's rights would, file by file, and lets Graph
 * calls in between; each overwriting adds a version, as any save does; each file is one
 * transaction, and no file is held in memory.
 */
import { createCipheriv, hash } from 'node:crypto'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { mimeTypeOf } from '../content/mime-types.ts'
import type { Actor, Content, Drive, DriveItem } from '../drive-model.ts'
import { stableNumber } from '../ids.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { driveNamed, itemNamed } from './drive-names.ts'
import { actorNamed } from './drive-operations.ts'
import { operation } from './operation.ts'

/** Files between two turns of the event loop, or between two pauses where a speed is set. */
const BURST_FILES = 20
const CHANCE_STEPS = 2 ** 31
const EXTENSION = '.locked'
const NOTE = 'READ ME TO RECOVER YOUR FILES.txt'

const Ransom = z.strictObject({
  drive: z.string(),
  /** A path; missing: all of the drive. */
  folder: z.string().default(''),
  seed: z.number().int().default(1),
  /** Share of the files that is attacked at all. */
  share: z.number().min(0).max(1).default(1),
  /** Share of the attacked ones that is deleted in place of being encrypted. */
  deletedShare: z.number().min(0).max(1).default(0.1),
  /** How often each file is overwritten; each time is a version. */
  overwrites: z.number().int().min(1).max(1_000).default(1),
  /** Missing: as fast as it goes. */
  filesPerSecond: z.number().min(1).max(1_000_000).optional(),
  note: z.boolean().default(true),
  /** Whose sync client it is; missing: whoever changed the file last. */
  by: z.string().optional(),
})
type RansomInput = z.output<typeof Ransom>

interface Attack {
  readonly state: TenantState
  readonly drive: Drive
  readonly input: RansomInput
  readonly by: Actor | undefined
}

/** What happens to a file, from the seed alone. */
function fateOf({ input }: Attack, { id }: DriveItem): 'spared' | 'encrypted' | 'deleted' {
  const { seed, share, deletedShare } = input
  if (stableNumber('ransom', seed, id) >= share * CHANCE_STEPS) return 'spared'
  const isDeleted = stableNumber('ransom-delete', seed, id) < deletedShare * CHANCE_STEPS
  return isDeleted ? 'deleted' : 'encrypted'
}

/** As many bytes, of which nobody can make anything; other ones each time. */
function garbage({ state, input }: Attack, item: DriveItem, content: Content): Content {
  const key = hash('sha256', `ransom:${input.seed}`, 'buffer')
  const iv = hash('sha256', `${item.id}:${item.version}`, 'buffer').subarray(0, 16)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  const writer = state.contents.writer()
  for (const piece of state.contents.read(content, { from: 0, to: content.size })) {
    writer.append(cipher.update(piece))
  }
  return writer.finish()
}

function lock(attack: Attack, item: DriveItem): void {
  const { state, by, input } = attack
  const how = { nowMs: state.nowMs(), ...(by === undefined ? {} : { by }) }
  const mimeType = mimeTypeOf(EXTENSION)
  let locked = item
  for (let n = 0; n < input.overwrites; n += 1) {
    if (locked.content === null) return
    const content = garbage(attack, locked, state.contents.byPk(locked.content))
    locked = state.items.replaceContent(locked, { content, mimeType }, how)
  }
  const parent = state.items.byPk(item.parent ?? attack.drive.root)
  const name = `${item.name}${EXTENSION}`
  const isTaken = state.items.childNamed(parent, name) !== undefined
  state.items.update(locked, { name: isTaken ? `${item.serial}-${name}` : name }, how)
}

function leaveNote({ state, drive, input, by }: Attack): void {
  const root = state.items.byPk(drive.root)
  if (state.items.childNamed(root, NOTE)) return
  const text = Buffer.from(`Your files are encrypted. Quote ${input.seed} and pay.\r\n`)
  state.db.transaction(() => {
    const file = { content: state.contents.fromBytes(text), mimeType: mimeTypeOf(NOTE) }
    const note = { name: NOTE, ...(by === undefined ? {} : { by }) }
    state.items.createFile(root, note, file, state.nowMs())
  })
}

async function run(attack: Attack) {
  const { state, drive, input } = attack
  const done = { encrypted: [] as string[], deleted: [] as string[] }
  const victims = state.items
    .subtree(itemNamed(state, drive, input.folder))
    .filter(({ kind }) => kind === 'file')
  const { filesPerSecond } = input
  const pauseMs = filesPerSecond === undefined ? 0 : (BURST_FILES * 1_000) / filesPerSecond
  for (const [n, victim] of victims.entries()) {
    if (n > 0 && n % BURST_FILES === 0) await (pauseMs > 0 ? delay(pauseMs) : nextTurn())
    const fate = fateOf(attack, victim)
    if (fate === 'spared') continue
    state.db.transaction(() => {
      const item = state.items.byPk(victim.pk)
      // Somebody else may have deleted it meanwhile.
      if (item.deleted) return
      if (fate === 'deleted') state.items.remove(item)
      else lock(attack, item)
      done[fate].push(item.id)
    })
  }
  if (input.note) leaveNote(attack)
  return done
}

export function driveRansomOperation(state: TenantState) {
  return {
    /** Answers when the attack is over, with the ids of what it hit. */
    ransomDrive: operation(Ransom, (input) =>
      run({
        state,
        drive: driveNamed(state, input.drive),
        input,
        by: actorNamed(state, input.by),
      }),
    ),
  }
}
