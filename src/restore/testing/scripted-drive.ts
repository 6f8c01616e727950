/**
 * A drive that a restore writes to: names are unique, uploads come in pieces, deletions go to a bin.
 *
 * As strict as the service: no two files of one name stand in a folder, nothing is there before the
 * last byte, and an upload goes on where it stands and nowhere else.
 */
import { createHash } from 'node:crypto'
import { AppError, invariant } from '../../model/errors.ts'
import type { Marker } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import { DRIVE_NAMES } from '../../workloads/drive/names.ts'
import {
  type CheckOutcome,
  CONFLICT_POLICIES,
  type CreateOutcome,
  type Creation,
  type HeldVersion,
  type PresentItem,
  type RestorableWorkload,
  type Spot,
  type StreamWriter,
  type TargetContainer,
} from '../../workloads/workload.ts'
import { newId, TEST_PACE, trouble } from './scripted-mailbox.ts'

/** Characters of one piece of an upload. */
export const PIECE = 4

export interface TargetFile {
  id: GraphId
  container: GraphId
  name: string
  text: string
  /** Counts the changes of it. */
  revision: number
  /** Ms since 1970 from which it is shown. */
  visibleAt: number
  /** The versions before this one, oldest first. */
  before: string[]
}

/** What becomes of the piece with the last byte. `applied-lost`: the file is made. */
export type LastScript = 'ok' | 'applied-lost' | 'lost'

export interface ScriptedDrive extends RestorableWorkload {
  readonly files: TargetFile[]
  readonly folders: TargetContainer[]
  readonly bin: TargetFile[]
  /** What each upload has received, by its address. */
  readonly uploads: Map<string, string>
  /** Every piece that the service saw. */
  readonly pieces: { address: string; offset: number }[]
  /** Taken one for each last piece, in order; then `ok`. */
  readonly lasts: LastScript[]
  /** How long what is made stays invisible, one for each; then 0. */
  readonly delaysMs: number[]
  /** Runs inside each piece, after it took effect. */
  onPiece: () => Promise<void>
  /** Runs inside each removal, before it takes effect. */
  onRemove: () => Promise<void>
  /** Who was let in, one word each, by file or folder. */
  readonly letIn: Map<GraphId, string[]>
  /** Runs before each permission is given; may throw. */
  onPermit: () => Promise<void>
  /** Runs inside each placement, before it takes effect. */
  onPlace: () => Promise<void>
  /** Says something else of what was read back. */
  check: ((file: TargetFile) => CheckOutcome) | undefined
}

/** What a test file is about. */
export function readFile({ representations }: Pick<HeldVersion, 'representations'>): {
  name: string
  hash: string
} {
  const json = JSON.parse(Buffer.from(representations.get('json') ?? []).toString('utf8'))
  return { name: String(json.name), hash: String(json.hash) }
}

export const hashOfText = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 20)

export function fileMarker({ id, text, name, revision }: TargetFile): Marker {
  return { content: hashOfText(text), decoration: name, change: `${id} ${revision}` }
}

export function scriptedDrive(clock: Clock): ScriptedDrive {
  const drive: ScriptedDrive = {
    name: 'drive',
    streamed: ['content'],
    conflicts: { policies: CONFLICT_POLICIES },
    names: DRIVE_NAMES,
    permissions: true,
    pace: TEST_PACE,
    versionOf(item) {
      const at = item.indexOf('@')
      return at < 0 ? undefined : (item.slice(0, at) as GraphId)
    },
    files: [],
    folders: [],
    bin: [],
    uploads: new Map(),
    pieces: [],
    lasts: [],
    delaysMs: [],
    onPiece: () => Promise.resolve(),
    onRemove: () => Promise.resolve(),
    letIn: new Map(),
    onPermit: () => Promise.resolve(),
    onPlace: () => Promise.resolve(),
    check: undefined,
    compare(before, now) {
      if (before.content !== now.content) return 'content'
      return before.decoration === now.decoration ? 'same' : 'decoration'
    },
    writer: () => writerOf(drive, clock),
  }
  return drive
}

function writerOf(drive: ScriptedDrive, clock: Clock): StreamWriter {
  const shown = () => drive.files.filter(({ visibleAt }) => visibleAt <= clock.now())
  const enter = async (signal: AbortSignal): Promise<void> => {
    await Promise.resolve()
    signal.throwIfAborted()
  }
  return {
    concurrency: 2,
    requests: () => drive.pieces.length,
    async containers(signal) {
      await enter(signal)
      return structuredClone(drive.folders)
    },
    async createContainer(name, parent, signal) {
      await enter(signal)
      const same = { container: parent, name }
      const there = drive.folders.find((f) => f.parent === parent && isNamed(f, same.name))
      if (there) return there.id
      const id = newId(`${parent} ${name}`)
      drive.folders.push({ id, name, ...(parent === undefined ? {} : { parent }) })
      return id
    },
    async *existing(container, signal) {
      await enter(signal)
      for (const folder of drive.folders.filter(({ parent }) => parent === container)) {
        const { id, name } = folder
        yield { id, identity: DRIVE_NAMES.key(name), change: '', name, kind: 'container' }
      }
      for (const file of shown().filter((f) => f.container === container)) {
        const { id, name } = file
        yield { id, identity: DRIVE_NAMES.key(name), change: fileMarker(file).change, name }
      }
    },
    identity: (version) => DRIVE_NAMES.key(readFile(version).name),
    async create(version, creation, signal) {
      await enter(signal)
      return await upload(drive, clock, { version, creation, signal })
    },
    async find({ container, name, onto, version }, signal) {
      await enter(signal)
      const { hash } = readFile(await version())
      const found = shown().filter((file) =>
        onto === undefined ? file.container === container && isNamed(file, name) : file.id === onto,
      )
      return found.flatMap(({ id, text }) => (hashOfText(text) === hash ? [id] : []))
    },
    async remove(id, signal) {
      await enter(signal)
      await drive.onRemove()
      const at = drive.files.findIndex((file) => file.id === id)
      if (at >= 0) drive.bin.push(...drive.files.splice(at, 1))
    },
    async rename(id, name, signal) {
      await enter(signal)
      const file = drive.files.find((one) => one.id === id)
      if (!file) throw trouble('ItemGone', 'permanent')
      if (nameHolder(drive, file.container, name, id)) throw trouble('NameTaken', 'denied')
      if (file.name !== name) Object.assign(file, { name, revision: file.revision + 1 })
    },
    async place(id, { container, name }, signal) {
      await enter(signal)
      await drive.onPlace()
      const file = drive.files.find((one) => one.id === id)
      if (!file) throw trouble('ItemGone', 'permanent')
      if (!drive.folders.some((one) => one.id === container)) throw trouble('ItemGone', 'permanent')
      const wanted = name ?? file.name
      if (nameHolder(drive, container, wanted, id)) throw trouble('NameTaken', 'permanent')
      if (file.name === wanted && file.container === container) return
      Object.assign(file, { name: wanted, container, revision: file.revision + 1 })
    },
    async check(id, version, spot, signal) {
      await enter(signal)
      const file = shown().find((one) => one.id === id)
      if (!file) return { outcome: 'could-not-check', code: 'ItemGone' }
      return drive.check?.(file) ?? compared(file, version, spot)
    },
    async present(id, signal): Promise<PresentItem | undefined> {
      await enter(signal)
      const file = shown().find((one) => one.id === id)
      if (!file) return undefined
      const { container, name } = file
      return { container, marker: fileMarker(file), discarded: false, shownWhole: true, name }
    },
    async matches(id, version, signal) {
      await enter(signal)
      const file = shown().find((one) => one.id === id)
      if (!file) return 'gone'
      return hashOfText(file.text) === readFile(version).hash ? 'same' : 'other'
    },
    async permit(id, permissions, signal) {
      await enter(signal)
      const given = drive.letIn.get(id) ?? []
      drive.letIn.set(id, given)
      const held = Buffer.from(permissions).toString('utf8').split(' ')
      for (const who of held.filter((one) => !given.includes(one))) {
        signal.throwIfAborted()
        await drive.onPermit()
        given.push(who)
      }
      return { restored: held.length, notRestored: [], links: [], missing: [] }
    },
    async removeEmptyContainer(id, signal) {
      await enter(signal)
      const at = drive.folders.findIndex((folder) => folder.id === id)
      if (at < 0) return 'gone'
      const inside = [...drive.files.map((f) => f.container), ...drive.folders.map((f) => f.parent)]
      if (inside.includes(id)) return 'not-empty'
      drive.folders.splice(at, 1)
      return 'removed'
    },
  }
}

const isNamed = (one: { name: string }, name: string): boolean =>
  DRIVE_NAMES.key(one.name) === DRIVE_NAMES.key(name)

/** Also of what is not shown yet: the service knows it. */
function nameHolder(drive: ScriptedDrive, container: GraphId, name: string, but?: GraphId) {
  const files = drive.files.filter((f) => f.container === container && f.id !== but)
  const folders = drive.folders.filter(({ parent }) => parent === container)
  return [...files, ...folders].find((one) => isNamed(one, name))
}

function compared(file: TargetFile, version: HeldVersion, spot: Spot): CheckOutcome {
  const { name, container } = file
  const seen = { container, marker: fileMarker(file) }
  const fields = [
    ...(hashOfText(file.text) === readFile(version).hash ? [] : ['content']),
    ...(spot.onto !== undefined || name === spot.name ? [] : ['name']),
    ...(spot.onto !== undefined || container === spot.container ? [] : ['folder']),
  ]
  if (fields.length === 0) return { outcome: 'verified', seen }
  return { outcome: 'differs', fields, isWhole: !fields.includes('content'), seen }
}

async function upload(
  drive: ScriptedDrive,
  clock: Clock,
  of: { version: HeldVersion; creation: Creation; signal: AbortSignal },
): Promise<CreateOutcome> {
  const { version, creation, signal } = of
  const { container, name, onto } = creation
  if (!drive.folders.some(({ id }) => id === container)) throw trouble('ItemGone', 'permanent')
  if (onto === undefined && nameHolder(drive, container, name)) {
    return { outcome: 'refused', code: 'NameTaken', message: 'The name is taken.' }
  }
  const stream = version.streams.get('content')
  invariant(stream, 'the content is streamed')
  const address = addressOf(drive, creation)
  const begun = drive.uploads.get(address) ?? ''
  let rest = ''
  for await (const bytes of stream.read(begun.length, signal)) rest += Buffer.from(bytes).toString()
  for (let at = 0; at === 0 || at < rest.length; at += PIECE) {
    if (!creation.goesOn()) return { outcome: 'paused' }
    const piece = rest.slice(at, at + PIECE)
    const offset = begun.length + at
    drive.pieces.push({ address, offset })
    if (offset + piece.length === stream.bytes) {
      return await finish(drive, clock, { creation, text: begun + rest, address })
    }
    drive.uploads.set(address, begun + rest.slice(0, at + PIECE))
    await drive.onPiece()
    await creation.keep(address)
  }
  throw new AppError({ code: 'NotScripted', kind: 'bug', message: 'An upload has a last piece.' })
}

/** A new one where the one before is not known any more. */
function addressOf({ uploads }: ScriptedDrive, { upload: kept }: Creation): string {
  if (kept !== undefined && uploads.has(kept)) return kept
  const address = `https://upload.example/secret-${uploads.size}`
  uploads.set(address, '')
  return address
}

async function finish(
  drive: ScriptedDrive,
  clock: Clock,
  { creation, text, address }: { creation: Creation; text: string; address: string },
): Promise<CreateOutcome> {
  const script = drive.lasts.shift() ?? 'ok'
  let id = newId(`file ${drive.files.length} ${drive.bin.length} ${drive.pieces.length}`)
  if (script !== 'lost') {
    const { container, name, onto } = creation
    const visibleAt = clock.now() + (drive.delaysMs.shift() ?? 0)
    const there = drive.files.find((file) => file.id === onto)
    if (there) {
      const before = [...there.before, there.text]
      Object.assign(there, { text, before, revision: there.revision + 1 })
      id = there.id
    } else drive.files.push({ id, container, name, text, revision: 0, visibleAt, before: [] })
    drive.uploads.delete(address)
  }
  await drive.onPiece()
  if (script === 'ok') return { outcome: 'created', id, requests: 1 }
  throw trouble('AnswerLost', 'transient')
}
