/**
 * Ransomware in a mailbox: encrypts bodies and files in place, renames subjects, deletes some
 * messages for good, and leaves a note. What it does follows from its seed and the messages.
 *
 * Invariants: it works as a client with the mailbox's rights would, message by message, and lets
 * Graph calls in between; each message is one transaction. There is no way back but a restore.
 */
import { createCipheriv, hash } from 'node:crypto'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { bodyOf, fileBytes } from '../content/generated.ts'
import { stableNumber } from '../ids.ts'
import type { AttachmentContent, Folder, Message, User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { composed, Delivery, folderNamed } from './mailbox-operations.ts'
import { operation } from './operation.ts'
import { userNamed } from './user-operations.ts'

/** Messages between two turns of the event loop, or between two pauses where a speed is set. */
const BURST_MESSAGES = 20
const CHANCE_STEPS = 2 ** 31
const EXTENSION = '.locked'
const SUBJECT_CHARACTERS = 32

const Ransom = z.strictObject({
  user: z.string(),
  seed: z.number().int().default(1),
  /** Names or paths; missing: every folder below the top of the mailbox. */
  folders: z.array(z.string()).optional(),
  /** Share of the messages that is attacked at all. */
  share: z.number().min(0).max(1).default(1),
  /** Share of the attacked ones that is deleted for good in place of being encrypted. */
  deletedShare: z.number().min(0).max(1).default(0.1),
  /** Missing: as fast as it goes. */
  messagesPerSecond: z.number().min(1).max(1_000_000).optional(),
  note: z.boolean().default(true),
})

interface Attack {
  readonly state: TenantState
  readonly user: User
  readonly seed: number
}

function encrypted({ seed }: Attack, what: string, data: Uint8Array): Buffer {
  const key = hash('sha256', `ransom:${seed}`, 'buffer')
  const iv = hash('sha256', what, 'buffer').subarray(0, 16)
  return createCipheriv('aes-256-ctr', key, iv).update(data)
}

function lockedFile(attack: Attack, what: string, file: AttachmentContent): AttachmentContent {
  const bytes = encrypted(attack, `${what}:${file.name}`, fileBytes(file))
  return {
    ...file,
    name: `${file.name}${EXTENSION}`,
    contentType: 'application/octet-stream',
    content: bytes,
    recipe: null,
    size: bytes.length,
  }
}

function lock(attack: Attack, message: Message): void {
  const { messages } = attack.state
  const nowMs = attack.state.nowMs()
  const { immutableId } = message
  for (const attachment of messages.attachments(message)) {
    if (attachment.kind !== 'file') continue
    messages.removeAttachment(message, attachment, nowMs)
    messages.addAttachment(message, lockedFile(attack, immutableId, attachment), nowMs)
  }
  const subject = encrypted(attack, `${immutableId}:subject`, Buffer.from(message.subject))
  const body = encrypted(attack, immutableId, Buffer.from(bodyOf(message))).toString('base64')
  const change = {
    subject: `${subject.toString('base64url').slice(0, SUBJECT_CHARACTERS)}${EXTENSION}`,
    ...{ body, bodyType: 'text' as const, preview: body.slice(0, 255) },
  }
  messages.update(messages.byPk(message.pk), change, nowMs)
}

function targets({ state, user }: Attack, names: readonly string[] | undefined): Folder[] {
  if (names) return names.map((name) => folderNamed(state, user, name))
  const root = state.folders.wellKnown(user, 'msgfolderroot')
  return state.folders.subtree(root).filter(({ search }) => search === null)
}

function leaveNote({ state, user, seed }: Attack): void {
  const body = `Your mail is encrypted. Quote ${seed} and pay.`
  const note = composed(
    state,
    Delivery.parse({ user: user.id, subject: 'READ ME TO RECOVER YOUR MAIL', body }),
  )
  const inbox = state.folders.wellKnown(user, 'inbox')
  state.db.transaction(() => state.messages.create(user, inbox, note, state.nowMs()))
}

/** What happens to a message, from the seed alone. */
function fateOf(
  { seed }: Attack,
  id: string,
  { share, deletedShare }: { share: number; deletedShare: number },
): 'spared' | 'encrypted' | 'deleted' {
  if (stableNumber('ransom', seed, id) >= share * CHANCE_STEPS) return 'spared'
  const isDeleted = stableNumber('ransom-delete', seed, id) < deletedShare * CHANCE_STEPS
  return isDeleted ? 'deleted' : 'encrypted'
}

async function run(attack: Attack, input: z.output<typeof Ransom>) {
  const { state } = attack
  const done = { encrypted: [] as string[], deleted: [] as string[] }
  const victims = targets(attack, input.folders).flatMap((folder) =>
    state.messages.inFolder(folder).map(({ pk, immutableId }) => ({ pk, immutableId })),
  )
  const pauseMs =
    input.messagesPerSecond === undefined ? 0 : (BURST_MESSAGES * 1_000) / input.messagesPerSecond
  for (const [n, { pk, immutableId }] of victims.entries()) {
    if (n > 0 && n % BURST_MESSAGES === 0) await (pauseMs > 0 ? delay(pauseMs) : nextTurn())
    const fate = fateOf(attack, immutableId, input)
    if (fate === 'spared') continue
    state.db.transaction(() => {
      const [message] = state.messages.query('pk = ? AND immutable_id = ?', [pk, immutableId])
      // Somebody else may have deleted it meanwhile.
      if (!message) return
      if (fate === 'deleted') state.messages.destroy(message)
      else lock(attack, message)
      done[fate].push(immutableId)
    })
  }
  if (input.note) leaveNote(attack)
  return done
}

export function ransomOperation(state: TenantState) {
  return {
    /** Answers when the attack is over, with the immutable ids of what it hit. */
    ransom: operation(Ransom, (input) => {
      const user = userNamed(state, input.user)
      return run({ state, user, seed: input.seed }, input)
    }),
  }
}
