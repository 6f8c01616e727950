/**
 * Puts one held file into a drive: as a new file that replaces nothing, or as a new version.
 *
 * Files with content go through an upload session whatever their size, because only a session
 * takes their dates at once: setting them afterwards makes a second version of each (7.18). An
 * empty file takes no session; its dates are set by a second call, and so is its second version.
 */
import { type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { CreateOutcome, Creation, HeldVersion } from '../workload.ts'
import { unlessFalselyGone } from './false-gone.ts'
import { findCreated } from './find.ts'
import { datesOf, type HeldFile, heldFile } from './held.ts'
import { addressOf, itemIdOf } from './ids.ts'
import { itemPath, namedAction } from './paths.ts'
import type { TargetSite } from './site.ts'
import { uploadFile } from './upload.ts'

const CONFLICT = '@microsoft.graph.conflictBehavior'
/** Making a session makes nothing else, so it may be asked for again. */
const SESSION_TRIES_MAX = 3

interface NewFile {
  target: TargetSite
  version: HeldVersion
  file: HeldFile
  creation: Creation
  signal: AbortSignal
}

export async function createFile(
  target: TargetSite,
  version: HeldVersion,
  creation: Creation,
  signal: AbortSignal,
): Promise<CreateOutcome> {
  const before = target.sharePoint.requests()
  const file = heldFile(version)
  const impossible = impossibleOf(file)
  if (impossible !== undefined) return { outcome: 'refused', ...impossible }
  try {
    const made = await make({ target, version, file, creation, signal })
    if (made === 'paused') return { outcome: 'paused' }
    return { outcome: 'created', id: made, requests: target.sharePoint.requests() - before }
  } catch (error) {
    return await afterRefusal({ target, version, file, creation, signal }, error)
  }
}

function impossibleOf({ json, content }: HeldFile): { code: string; message: string } | undefined {
  if (objectOf(json, 'remoteItem') !== undefined) {
    return {
      code: 'Shortcut',
      message: 'It is a shortcut to something that stands elsewhere; Graph cannot make one.',
    }
  }
  if (content !== undefined) return undefined
  return { code: 'ContentNotHeld', message: 'Its content was never held, only what describes it.' }
}

async function make(of: NewFile): Promise<GraphId | 'paused'> {
  const { target, file, creation, signal } = of
  const { content } = file
  if (content === undefined || content.bytes === 0) return makeEmpty(of)
  const { onto } = creation
  const session = () => beginSession(of, content.bytes)
  const begin =
    onto === undefined ? session : () => unlessFalselyGone(target, onto, session, signal)
  const uploaded = await uploadFile({ target, content, begin, creation, signal })
  return uploaded.state === 'paused' ? 'paused' : idOf(uploaded.item, creation)
}

async function makeEmpty({ target, file, creation, signal }: NewFile): Promise<GraphId> {
  const { container, name, onto } = creation
  const path =
    onto === undefined ? namedAction(container, name, 'content') : [...itemPath(onto), 'content']
  const request = {
    name: 'file.createEmpty',
    method: 'PUT',
    path,
    ...(onto === undefined ? { query: { [CONFLICT]: 'fail' } } : {}),
    headers: { 'Content-Type': 'application/octet-stream' },
    body: new Uint8Array(0),
    charge: 'write',
  } as const
  const put = () => target.sharePoint.json(request, signal)
  const made = await (onto === undefined ? put() : unlessFalselyGone(target, onto, put, signal))
  const id = idOf(made, creation)
  const fileSystemInfo = datesOf(file.json)
  if (fileSystemInfo !== undefined) await setDates(target, id, fileSystemInfo, signal)
  return id
}

/** It is made already: what goes wrong here is told by the read-back. */
async function setDates(
  { sharePoint }: TargetSite,
  id: GraphId,
  fileSystemInfo: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({ fileSystemInfo })
  const request = { name: 'file.setDates', method: 'PATCH', path: itemPath(id), body } as const
  try {
    await sharePoint.send({ ...request, charge: 'write' }, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
  }
}

async function beginSession(of: NewFile, fileSize: number): Promise<string> {
  const { target, file, creation, signal } = of
  const { container, name, onto } = creation
  const action = 'createUploadSession'
  const fileSystemInfo = datesOf(file.json)
  const item = {
    [CONFLICT]: onto === undefined ? 'fail' : 'replace',
    ...(onto === undefined ? { name } : {}),
    ...(fileSystemInfo === undefined ? {} : { fileSystemInfo }),
    fileSize,
  }
  const request = {
    name: 'upload.begin',
    method: 'POST',
    path: onto === undefined ? namedAction(container, name, action) : [...itemPath(onto), action],
    body: JSON.stringify({ item }),
    charge: 'write',
  } as const
  for (let tries = 1; ; tries += 1) {
    try {
      const session = await target.sharePoint.json(request, signal)
      const address = textOf(session, 'uploadUrl')
      if (address !== undefined) return address
    } catch (error) {
      if (!hasCode(error, 'AnswerLost')) throw error
    }
    if (tries >= SESSION_TRIES_MAX || signal.aborted) throw noSession()
  }
}

/** Answers that say for certain that nothing was made now. */
async function afterRefusal(of: NewFile, error: unknown): Promise<CreateOutcome> {
  if (!(error instanceof AppError)) throw error
  if (error.code === 'NameTaken') {
    const { target, creation, signal } = of
    const version = () => Promise.resolve(of.version)
    // By an earlier send, which was made later than it could be waited for?
    const [mine] = await findCreated(target, { ...creation, version }, signal)
    if (mine !== undefined) return { outcome: 'created', id: mine, requests: 0 }
  }
  const message = REFUSED[error.code]
  if (message === undefined) throw error
  return { outcome: 'refused', code: error.code, message }
}

const REFUSED: Readonly<Record<string, string>> = {
  NameTaken: 'Something else of this name came into the folder after the plan was made.',
  QuotaExceeded: 'There is no room left in the target: its storage quota is used up.',
  ItemGone: 'Its folder, or the file that it was to be a version of, is gone.',
  RefusedAsGone: 'SharePoint says that the file is not there, although it is.',
  PathTooLong: 'Its path would be too long for SharePoint.',
  TooLarge: 'It is larger than SharePoint takes.',
  MalwareDetected: 'SharePoint takes it for malware and refuses it.',
}

/** Throws `AnswerLost`: it was made, but the answer that names it cannot be read. */
function idOf(made: JsonObject, { container }: Pick<Creation, 'container'>): GraphId {
  const id = textOf(made, 'id')
  if (id !== undefined) return itemIdOf(addressOf(container).drive, id)
  throw new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: 'The file was made, but the answer that names it cannot be read.',
    hint: 'Nothing to do: Holdfast looks for what was made before it goes on.',
  })
}

function noSession(): AppError {
  return new AppError({
    code: 'GraphUnavailable',
    kind: 'transient',
    message: 'The service gave no upload session.',
    hint: 'Nothing to do: Holdfast tries again later.',
  })
}
