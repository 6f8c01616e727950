/** A tenant with one library, and what tests of writing need of it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { DriveItemSnapshot, SiteSnapshot, TenantOptions } from '../index.ts'
import { type Bench, type CallOptions, startBench } from './harness.ts'

/** What tests read of an item; a property that an answer lacks is undefined at run time. */
export interface ItemJson {
  readonly id: string
  readonly name: string
  readonly eTag: string
  readonly size: number
  readonly folder?: { readonly childCount: number }
  readonly file?: { readonly mimeType: string; readonly hashes?: { readonly quickXorHash: string } }
  readonly fileSystemInfo: {
    readonly createdDateTime: string
    readonly lastModifiedDateTime: string
  }
  readonly createdBy: {
    readonly application?: { readonly id: string; readonly displayName: string }
  }
  readonly parentReference: { readonly id: string }
  readonly deleted?: { readonly state: string }
}

export interface ItemAnswer {
  readonly status: number
  readonly headers: Headers
  readonly item: ItemJson
  /** Of a refusal: its code, and the one inside it. */
  readonly code: string | undefined
  readonly inner: string | undefined
  readonly json: unknown
}

export interface DriveBench extends Bench {
  readonly site: string
  readonly drive: string
  /** `path` below `/drives/{drive}/items/`. */
  on(path: string, options?: CallOptions): Promise<ItemAnswer>
  put(path: string, text: string): Promise<ItemAnswer>
  snapshot(): Promise<SiteSnapshot>
  /** The file of this path in the library, from the tenant's own state. */
  file(path: string): Promise<DriveItemSnapshot | undefined>
  paths(): Promise<string[]>
}

export async function startDriveBench(
  t: TestContext,
  options: TenantOptions = {},
): Promise<DriveBench> {
  const bench = await startBench(t, options)
  const { control, call } = bench
  const path = '/sites/desk'
  const { id: site, drive } = await control.createSite({ path })
  const on = async (below: string, how?: CallOptions): Promise<ItemAnswer> => {
    const { status, headers, json } = await call(`/drives/${drive}/items/${below}`, how)
    const error = json.error as { code?: string; innerError?: { code?: string } } | undefined
    const item = json as unknown as ItemJson
    return { status, headers, item, code: error?.code, inner: error?.innerError?.code, json }
  }
  const snapshot = () => control.siteSnapshot({ site: path })
  const library = async () => {
    const found = (await snapshot()).drives.find((each) => each.drive.id === drive)
    assert.ok(found)
    return found
  }
  return {
    ...bench,
    ...{ site, drive, on, snapshot },
    put: (below, text) => on(below, { method: 'PUT', text }),
    file: async (wanted) => (await library()).items.find((item) => item.path === wanted),
    paths: async () => (await library()).items.map((item) => item.path).toSorted(),
  }
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
