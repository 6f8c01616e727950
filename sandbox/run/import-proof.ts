/**
 * Proves of imported mail that nothing was left out and nothing was altered: every message of the
 * tenant is either stored or in the ledger with a reason, and the MIME that Holdfast gives back
 * is byte for byte one of the answers that the tenant gave when it was asked for it.
 *
 * It reads through the API, so it also proves that what is stored can be opened.
 */
import { hash } from 'node:crypto'
import type { ControlClient, MailboxSnapshot, MessageSnapshot } from '../tenant/index.ts'
import { protectedFolders } from '../verdict/index.ts'
import type { ApiClient, LedgerLine, Resource } from './api-client.ts'

/** Items opened at once. */
const PARALLEL = 4

export interface LedgerEntry {
  subject: string
  reason: string
  code: string
}

export interface ImportProof {
  ok: boolean
  messages: number
  stored: number
  /** Not stored, and the ledger says why. */
  ledger: LedgerEntry[]
  /** Immutable ids of those. */
  ledgerIds: string[]
  /** Subjects of messages that are neither stored nor in the ledger. */
  unaccounted: string[]
  mimeIdentical: number
  /** Subjects of messages whose MIME is no answer of the tenant. */
  mimeDiffering: string[]
}

export async function proveImport(
  api: ApiClient,
  control: ControlClient,
  mailboxes: readonly { resource: Resource; snapshot: MailboxSnapshot }[],
): Promise<ImportProof> {
  const proof: ImportProof = {
    ...{ ok: false, messages: 0, stored: 0, ledger: [], ledgerIds: [] },
    ...{ unaccounted: [], mimeIdentical: 0, mimeDiffering: [] },
  }
  for (const { resource, snapshot } of mailboxes) {
    const guarded = protectedFolders(snapshot)
    const messages = snapshot.messages.filter((message) => guarded.has(message.folderId))
    proof.messages += messages.length
    const stored = await openEverything(api, control, resource.id, proof)
    const missing = messages.filter(({ immutableId }) => !stored.has(immutableId))
    proof.stored += messages.length - missing.length
    explain(missing, await api.ledger(resource.id), proof)
  }
  const { unaccounted, mimeDiffering, mimeIdentical, stored } = proof
  proof.ok = unaccounted.length === 0 && mimeDiffering.length === 0 && mimeIdentical === stored
  return proof
}

/** Opens every item that is listed now; the immutable ids of those that could be opened. */
async function openEverything(
  api: ApiClient,
  control: ControlClient,
  resource: string,
  proof: ImportProof,
): Promise<Set<string>> {
  const stored = new Set<string>()
  const open = async ({ id: key, name }: { id: string; name: string }) => {
    const json = await api.content(resource, key, 'json')
    const { id } = JSON.parse(new TextDecoder().decode(json)) as { id: string }
    stored.add(id)
    const sha256 = hash('sha256', await api.content(resource, key, 'mime'), 'hex')
    const { answers } = await control.mimeLog({ message: id })
    if (answers.some((answer) => answer.sha256 === sha256)) proof.mimeIdentical += 1
    else proof.mimeDiffering.push(name)
  }
  for (const container of await api.containers(resource)) {
    if (container.excluded !== undefined) continue
    const items = await api.items(resource, container.id)
    for (let at = 0; at < items.length; at += PARALLEL) {
      await Promise.all(items.slice(at, at + PARALLEL).map(open))
    }
  }
  return stored
}

/** A ledger line explains one message of its name, and only with a reason. */
function explain(
  missing: readonly MessageSnapshot[],
  ledger: readonly LedgerLine[],
  proof: ImportProof,
): void {
  const open = ledger.filter(({ reason }) => reason !== '')
  for (const { subject, immutableId } of missing) {
    const at = open.findIndex(({ name }) => name === subject)
    const [line] = at < 0 ? [] : open.splice(at, 1)
    if (line === undefined) {
      proof.unaccounted.push(subject)
      continue
    }
    proof.ledger.push({ subject, reason: line.reason, code: line.code })
    proof.ledgerIds.push(immutableId)
  }
}
