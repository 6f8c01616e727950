/**
 * Puts what is in a drive back into a folder, under a name: one call, which changes no content.
 */
import { textOf } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { unlessFalselyGone } from './false-gone.ts'
import { addressOf } from './ids.ts'
import { itemPath } from './paths.ts'
import { readFile, seenOf, type TargetSite } from './site.ts'

/** Read first: after a lost answer it may stand there already. Throws `NameTaken`, `ItemGone`. */
export async function placeItem(
  target: TargetSite,
  { id, container, name }: { id: GraphId; container: GraphId; name?: string },
  signal: AbortSignal,
): Promise<void> {
  const now = await readFile(target, id, signal)
  if (now === undefined) throw itemGone()
  const { container: present } = await seenOf(target, id, now, signal)
  const isNamed = name === undefined || textOf(now, 'name') === name
  if (isNamed && present === container) return
  const { drive, item = await target.rootId(drive, signal) } = addressOf(container)
  const body = JSON.stringify({
    ...(isNamed ? {} : { name }),
    ...(present === container ? {} : { parentReference: { id: item } }),
  })
  const request = { name: 'file.place', method: 'PATCH', path: itemPath(id), body } as const
  const send = () => target.sharePoint.send({ ...request, charge: 'write' }, signal)
  await unlessFalselyGone(target, id, send, signal)
}

function itemGone(): AppError {
  return new AppError({
    code: 'ItemGone',
    kind: 'permanent',
    message: 'The file is gone.',
    hint: 'Plan the restore again: it is made anew then.',
  })
}
