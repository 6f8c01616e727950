/** The owners of a vault: names only where their keys are at hand. */
import { AppError } from '../../src/model/errors.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import { workloadsOf } from '../held/held-state.ts'
import type { OpenVault } from '../open/vault.ts'
import { plainJson } from '../out/plain-text.ts'
import { plural, tableText } from '../out/table.ts'
import type { Setting } from '../program.ts'

interface OwnerLine {
  owner: OwnerId
  workloads: string[]
  kind?: string
  name?: string
  since?: string
  /** Code of what keeps its record from being read. */
  trouble?: string
}

export async function listOwners(
  open: OpenVault,
  { json }: { json?: boolean },
  { signal, output }: Setting,
): Promise<void> {
  const lines: OwnerLine[] = []
  for await (const owner of ownersOf(open, signal)) lines.push(await lineOf(open, owner, signal))
  if (json === true) return output.say(plainJson({ owners: lines }))
  const rows = lines.map(({ owner, workloads, kind, name, since, trouble }) => [
    ...[owner, kind, name ?? (trouble ? `(${trouble})` : ''), workloads.join(', ')],
    since?.slice(0, 10),
  ])
  output.say(tableText(['owner', 'kind', 'name', 'holds', 'since'], rows))
  output.note(
    `${plural(lines.length, 'owner')}${open.opened ? '' : ', names not opened (no keys)'}`,
  )
}

async function* ownersOf({ store }: OpenVault, signal: AbortSignal): AsyncGenerator<OwnerId> {
  let last = ''
  for await (const { name } of store.list('owners/', signal)) {
    const [, owner] = /^owners\/([0-9a-f]{32})\/\d+\.json$/.exec(name) ?? []
    if (owner === undefined || owner <= last) continue
    last = owner
    yield owner as OwnerId
  }
}

async function lineOf(
  { store, opened }: OpenVault,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<OwnerLine> {
  const line = { owner, workloads: await workloadsOf(store, owner, signal) }
  if (opened === undefined) return line
  try {
    const record = await opened.api.ownerRecord(owner, signal)
    if (record === undefined) return line
    const { kind, name, createdAt } = record
    return { ...line, kind, name, since: createdAt }
  } catch (error) {
    // One owner whose key is gone must not hide the others.
    const isOfOwner = error instanceof AppError && ['denied', 'corrupt'].includes(error.kind)
    if (!isOfOwner) throw error
    return { ...line, trouble: error.code }
  }
}
