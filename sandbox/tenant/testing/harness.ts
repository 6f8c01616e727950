/**
 * A tenant for one test, and a Graph client that knows nothing but HTTP.
 *
 * Every JSON answer of Graph that a test receives is held to the published metadata where that
 * is at hand; so each test of behaviour is a test of shape as well.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
  type TenantOptions,
} from '../index.ts'
import { loadCsdl, validateAnswer } from './csdl.ts'

const csdl = loadCsdl()
const PAGES_MAX = 2_000

/** What tests read from answers; a property that an answer lacks is undefined at run time. */
export interface GraphJson {
  readonly '@odata.context': string
  readonly '@odata.etag': string
  readonly '@odata.type': string
  readonly '@odata.nextLink'?: string
  readonly '@odata.deltaLink'?: string
  readonly '@removed'?: { readonly reason: string }
  readonly value: GraphJson[]
  readonly error: {
    readonly code: string
    readonly message: string
    readonly innerError: { readonly code?: string }
  }
  readonly id: string
  readonly displayName: string
  readonly userPrincipalName: string
  readonly primaryMailboxId: string
  readonly userPurpose: string
  readonly parentFolderId: string
  readonly totalItemCount: number
  readonly unreadItemCount: number
  readonly subject: string
  readonly body: { readonly contentType: string; readonly content: string }
  readonly isRead: boolean
  readonly isDraft: boolean
  readonly hasAttachments: boolean
  readonly changeKey: string
  readonly lastModifiedDateTime: string
  readonly receivedDateTime: string
  readonly sentDateTime: string
  readonly internetMessageId: string
  readonly flag: { readonly flagStatus: string }
  readonly attachments: GraphJson[]
  readonly singleValueExtendedProperties?: { readonly id: string; readonly value: string }[]
  readonly name: string
  readonly size: number
  readonly contentBytes?: string
  readonly item?: GraphJson
  /** Of sites, drives and their items. */
  readonly '@microsoft.graph.downloadUrl'?: string
  readonly '@microsoft.graph.sharedChanged'?: string
  readonly eTag: string
  readonly cTag?: string
  readonly webUrl: string
  readonly deleted?: { readonly state: string }
  readonly file?: { readonly mimeType: string; readonly hashes?: { readonly quickXorHash: string } }
  readonly folder?: { readonly childCount: number }
  readonly package?: { readonly type: string }
  readonly root?: object
  readonly system?: object
  readonly shared?: { readonly scope: string }
  readonly malware?: { readonly description: string }
  readonly remoteItem?: GraphJson
  readonly parentReference: {
    readonly driveId: string
    readonly id: string
    readonly path?: string
    readonly name?: string
  }
  readonly fileSystemInfo: {
    readonly createdDateTime: string
    readonly lastModifiedDateTime: string
  }
  readonly siteCollection?: { readonly archivalDetails?: { readonly archiveStatus: string } }
  readonly isPersonalSite: boolean
  readonly quota: { readonly total: number; readonly used: number }
  readonly roles: readonly string[]
  readonly link?: { readonly type: string; readonly scope: string }
  readonly hasPassword: boolean
  readonly inheritedFrom?: { readonly id: string }
  readonly grantedToV2?: Readonly<Record<string, { readonly displayName: string }>>
  readonly grantedToIdentitiesV2?: readonly object[]
  readonly expirationDateTime?: string
  /** Of a batch. */
  readonly responses: readonly BatchPart[]
  /** Of an upload session. */
  readonly uploadUrl: string
  readonly nextExpectedRanges: readonly string[]
}

export interface BatchPart {
  readonly id: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: GraphJson
}

export interface GraphAnswer {
  readonly status: number
  readonly headers: Headers
  readonly json: GraphJson
}

export interface CallOptions {
  readonly as?: 'backup' | 'restore' | { readonly token: string }
  readonly method?: string
  readonly json?: unknown
  readonly text?: string
  /** Sent piece by piece. */
  readonly body?: ReadableStream<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  readonly beta?: true
  /** Most tests ask for immutable ids, as the product does. */
  readonly mutable?: boolean
}

export interface Bench {
  readonly tenant: Tenant
  readonly control: ControlClient
  /** `path` below `/v1.0`, or a whole link. */
  call(path: string, options?: CallOptions): Promise<GraphAnswer>
  bytes(path: string, options?: CallOptions): Promise<Buffer>
  /** All items of all pages, and the delta link where there is one. */
  walk(
    path: string,
    options?: CallOptions,
  ): Promise<{ items: GraphJson[]; delta: string; pages: number }>
}

/** A batch has no type of its own: the JSON of its answers has. */
function checkShape(json: GraphJson, path: string): void {
  const parts = (json.responses ?? [json]).flatMap((part) =>
    'status' in part ? (part.status < 300 && typeof part.body === 'object' ? part.body : []) : part,
  )
  for (const part of parts) {
    if (csdl) assert.deepEqual(validateAnswer(csdl, { ...part }), [], path)
  }
}

export async function startBench(t: TestContext, options: TenantOptions = {}): Promise<Bench> {
  const bugs: unknown[] = []
  const tenant = await startTenant({
    ...options,
    settings: { latencyMs: 0, ...options.settings },
    onBug: (error) => bugs.push(error),
  })
  t.after(async () => {
    await tenant.stop()
    assert.deepEqual(bugs, [])
  })
  const control = createControlClient(tenant.controlUrl)
  const tokens = new Map<string, string>()

  async function tokenOf(as: NonNullable<CallOptions['as']>): Promise<string> {
    if (typeof as !== 'string') return as.token
    const known = tokens.get(as)
    if (known !== undefined) return known
    const clientId = as === 'backup' ? BACKUP_CLIENT_ID : RESTORE_CLIENT_ID
    const { token } = await control.issueAppToken({ clientId })
    tokens.set(as, token)
    return token
  }

  async function send(path: string, how: CallOptions): Promise<Response> {
    const version = how.beta ? 'beta' : 'v1.0'
    const url = path.startsWith('http') ? path : `${tenant.url}/${version}${path}`
    const body = how.body ?? (how.json === undefined ? how.text : JSON.stringify(how.json))
    return fetch(url, {
      redirect: 'manual',
      method: how.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${await tokenOf(how.as ?? 'restore')}`,
        ...(how.mutable ? {} : { prefer: 'IdType="ImmutableId"' }),
        ...(how.json === undefined ? {} : { 'content-type': 'application/json' }),
        ...how.headers,
      },
      ...(body === undefined ? {} : { body, duplex: 'half' as const }),
    })
  }

  async function call(path: string, how: CallOptions = {}): Promise<GraphAnswer> {
    const response = await send(path, how)
    const text = await response.text()
    const json = JSON.parse(text === '' ? '{}' : text)
    if (text !== '' && response.ok) checkShape(json, path)
    return { status: response.status, headers: response.headers, json }
  }

  return {
    tenant,
    control,
    call,
    bytes: async (path, how = {}) => {
      const response = await send(path, how)
      assert.equal(response.status, 200)
      return Buffer.from(await response.arrayBuffer())
    },
    walk: async (path, how = {}) => {
      const items: GraphJson[] = []
      let next: string | undefined = path
      for (let pages = 1; pages <= PAGES_MAX; pages += 1) {
        const { status, json } = await call(next, how)
        assert.equal(status, 200, JSON.stringify(json))
        items.push(...json.value)
        next = json['@odata.nextLink']
        if (next === undefined) return { items, delta: json['@odata.deltaLink'] ?? '', pages }
      }
      throw new Error('the round does not end')
    },
  }
}

/** Path of a message, with its id escaped as clients must. */
export function messagePath(user: string, id: string): string {
  return `/users/${user}/messages/${encodeURIComponent(id)}`
}
