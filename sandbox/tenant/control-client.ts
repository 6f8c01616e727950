/**
 * Typed client of the control interface, for tests, demo and bench. It shares types with the
 * tenant and no code, so it can talk to a tenant in another process.
 *
 * Every method takes one object and answers one; a refusal throws with the tenant's reason.
 * Nothing is retried.
 */
import type { Operation } from './control/operation.ts'
import type { Operations } from './control/operations.ts'

type Method<T> =
  T extends Operation<infer Input, infer _Checked, infer Output>
    ? (input: Input) => Promise<Output>
    : never

export type ControlClient = { readonly [Name in keyof Operations]: Method<Operations[Name]> }

const NAMES = [
  ...(['issueApiToken', 'issueAppToken', 'setAppPermissions', 'settings', 'seed'] as const),
  ...(['import', 'counts', 'resetCounts', 'resetThrottle', 'addFault', 'listFaults'] as const),
  ...(['releaseFault', 'clearFaults', 'users', 'createUser', 'updateUser'] as const),
  ...(['deleteUser', 'expireDelta', 'snapshot', 'mimeLog', 'deliver', 'edit', 'read'] as const),
  ...(['flag', 'categorise', 'move', 'delete', 'emptyFolder', 'messages', 'folders'] as const),
  ...(['createFolder', 'renameFolder', 'moveFolder', 'deleteFolder'] as const),
  ...(['setFolderLag', 'expireLinks', 'loopLinks', 'stopLoop'] as const),
  ...(['setMailboxCondition', 'setUnrenderable', 'ransom', 'expireUploads'] as const),
  ...(['sites', 'createSite', 'createOneDrive', 'setSiteState', 'renameSite'] as const),
  ...(['deleteSite', 'createLibrary', 'renameLibrary', 'deleteLibrary', 'setQuota'] as const),
  ...(['putFile', 'makeFolder', 'makeShortcut', 'renameItem', 'moveItem'] as const),
  ...([
    'deleteItem',
    'restoreItem',
    'setItemDates',
    'flagMalware',
    'shareItem',
    'unshareItem',
  ] as const),
  ...(['driveSnapshot', 'expireTokens', 'expireDriveDelta', 'expireDownloads'] as const),
  ...(['failDelta', 'loopDelta', 'stopDeltaLoop'] as const),
  ...(['ransomDrive', 'siteSnapshot', 'invitations'] as const),
] as const satisfies readonly (keyof Operations)[]

/** Fails to compile when an operation is missing above. */
type Missing = Exclude<keyof Operations, (typeof NAMES)[number]>
const COMPLETE: [Missing] extends [never] ? true : Missing = true

export class ControlRefusal extends Error {
  readonly status: number

  constructor(operation: string, status: number, reason: string) {
    super(`${operation}: ${reason}`)
    this.name = 'ControlRefusal'
    this.status = status
  }
}

async function callOperation(controlUrl: string, name: string, input: unknown): Promise<unknown> {
  const response = await fetch(`${controlUrl}/control/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })
  const text = await response.text()
  if (!response.ok) throw new ControlRefusal(name, response.status, text)
  return JSON.parse(text)
}

/** `controlUrl`: as the tenant printed it, without a path. */
export function createControlClient(controlUrl: string): ControlClient {
  const methods = NAMES.map((name) => [
    name,
    (input: unknown) => callOperation(controlUrl, name, input),
  ])
  return COMPLETE && Object.fromEntries(methods)
}
