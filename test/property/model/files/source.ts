/** A site as the source of a story: what happens to it, and how what is held of it is judged. */
import assert from 'node:assert/strict'
import type { PutEvent } from '../../../../src/model/events.ts'
import type { GraphId } from '../../../../src/model/ids.ts'
import type { ContentReader } from '../../../../src/vault/types.ts'
import { driveReading } from '../../../../src/workloads/drive/index.ts'
import type { LongReader, Workload } from '../../../../src/workloads/workload.ts'
import type { PointState } from '../points.ts'
import { withReader } from '../readers.ts'
import { byId, sameFolders } from '../rest.ts'
import type { Reading, Service, Source } from '../source.ts'
import { present } from '../timeline.ts'
import { escaped, meet } from '../trouble.ts'
import { type Checkpoint, strangers, wrongFolder, wrongItem } from '../verdict.ts'
import { NEVER, sha256 } from '../world.ts'
import { CONTENT_BYTES_MAX, LARGE_BYTES, PlainHashes } from './contents.ts'
import type { Corruption, Expiry, FileDoing, Trouble } from './doings.ts'
import { FileSite, itemOf, libraryOf, refOf } from './site.ts'
import { contentOf, rulesOf } from './verdict.ts'

export class FileSource implements Source<FileDoing> {
  readonly workload = 'drive'
  readonly resource = 'site'
  readonly #service: Service
  readonly #site: FileSite
  readonly #hashes = new PlainHashes()
  readonly #infected = new Set<GraphId>()

  private constructor(service: Service, site: FileSite) {
    this.#service = service
    this.#site = site
  }

  static async open(service: Service): Promise<FileSource> {
    return new FileSource(service, await FileSite.open(service))
  }

  get graphId(): GraphId {
    return this.#site.id
  }

  get #control() {
    return this.#service.tenant.control
  }

  reading(from: Reading): Workload {
    const options = { includeInfected: false, longBytes: LARGE_BYTES }
    const workload = { name: 'drive', ...driveReading({ ...from, ...options }) } as const
    const heard = (long: LongReader): LongReader => ({
      ...long,
      read: (item, ...rest) => this.#site.passing(item.id, long.read(item, ...rest)),
    })
    return withReader(workload, ({ long }) => (long ? { long: heard(long) } : {}))
  }

  async happen(what: FileDoing): Promise<void> {
    switch (what.step) {
      case 'expire':
        return await this.#expire(what)
      case 'corrupt':
        return await this.#corrupt(what)
      case 'lag': {
        const { notes, now } = this.#service
        notes.lag(now(), what.ms)
        return void (await this.#control.settings({ deltaLagMs: what.ms }))
      }
      case 'descendants':
        return void (await this.#control.settings({ deletedDescendants: what.is }))
      case 'addresses':
        return await this.#spoilAddresses(what)
      case 'replays':
      case 'fault':
      case 'repair':
        return await meet(this.#service, what)
      default:
        return await this.#site.happen(what)
    }
  }

  async #expire({ kind, form, library: n, untold }: Expiry): Promise<void> {
    const site = this.#site
    const drive = site.libraries[n % site.libraries.length] ?? ''
    await this.#control.expireTokens({ drive, kind, form })
    const before = site.present()
    for (const what of untold) await site.happen(what)
    const after = site.present()
    if ([...before.keys()].some((id) => !after.has(id))) {
      this.#service.notes.count('gone while links were lost')
    }
  }

  async #corrupt({ file: n, how, isWritten }: Corruption): Promise<void> {
    const id = this.#site.chosen(n)
    // Of what shows no hash nobody could tell that it is wrong.
    if (!id || (how === 'wrong-bytes' && !this.#site.files.get(id)?.now?.hasHash)) return
    if (isWritten) await this.#site.happen({ step: 'edit', file: n, how: 'long' })
    this.#service.notes.count(`corrupt: ${how}`)
    this.#service.notes.unreadable(id)
    if (how === 'malware') {
      this.#infected.add(id)
      return void (await this.#control.flagMalware({ ...refOf(id), malware: 'EICAR' }))
    }
    const path = `^/download/drives/${escaped(libraryOf(id))}/items/${escaped(itemOf(id))}$`
    const locked = { action: 'fail', status: 423, code: 'resourceLocked' } as const
    const wrong = { action: 'wrong-bytes' } as const
    await this.#control.addFault({ path, rate: 1, ...(how === 'locked' ? locked : wrong) })
  }

  async #spoilAddresses(what: Extract<Trouble, { step: 'addresses' }>): Promise<void> {
    switch (what.how) {
      case 'expired':
        return void (await this.#control.expireDownloads({}))
      case 'missing':
        return void (await this.#control.settings({ missingUrls: what.rate }))
      case 'whole':
        return void (await this.#control.settings({ ignoredRanges: what.rate }))
    }
  }

  async repair(): Promise<void> {
    this.#site.leaveLong()
    await this.#control.clearFaults({})
    const settings = { replays: 0, deltaLagMs: 0, missingUrls: 0, ignoredRanges: 0 }
    await this.#control.settings(settings)
    const there = this.#site.present()
    for (const id of this.#infected) {
      if (there.has(id)) await this.#control.flagMalware({ ...refOf(id), malware: null })
    }
    this.#infected.clear()
  }

  async faultsOf(point: Checkpoint, reader: ContentReader): Promise<string[]> {
    const { files, folders } = this.#site
    const bytesHeld = await this.#bytesHeld(point.state, reader)
    const found: string[] = []
    for (const [id, timeline] of files) {
      const wasUnreadable = this.#service.notes.wasUnreadable(id)
      const wrong = wrongItem(id, timeline, point, rulesOf(id, { bytesHeld, wasUnreadable }))
      if (wrong) found.push(`file ${id}: ${wrong}`)
    }
    for (const [id, timeline] of folders) {
      const wrong = wrongFolder(id, timeline, point)
      if (wrong) found.push(`folder ${id}: ${wrong}`)
    }
    return [...found, ...strangers(point, files)]
  }

  async #bytesHeld(
    { held }: PointState,
    reader: ContentReader,
  ): Promise<ReadonlyMap<GraphId, string>> {
    const found = new Map<GraphId, string>()
    for (const version of held.values()) {
      const content = contentOf(version)
      if (content) found.set(version.item, await this.#hashes.of(content, reader))
    }
    return found
  }

  async isHeld(state: PointState, reader: ContentReader): Promise<void> {
    const bytesHeld = await this.#bytesHeld(state, reader)
    const itemsHeld = [...state.held.values()].filter(({ kind }) => kind === 'item')
    assert.deepEqual(
      byId(
        itemsHeld.map(({ item, place, display }) => [
          item,
          { folder: place.container, name: display.name, bytes: bytesHeld.get(item) },
        ]),
      ),
      byId(
        [...this.#site.present()].map(([id, { folder, name, sha256: bytes }]) => [
          id,
          { folder, name, bytes },
        ]),
      ),
      'what is held is what the libraries hold',
    )
    sameFolders(state, this.#site.folders)
    await this.#isRight()
  }

  /** The plain model itself, against the tenant's own state. */
  async #isRight(): Promise<void> {
    const { drives } = await this.#control.siteSnapshot({ site: this.graphId })
    const told = drives.flatMap(({ drive, items }) => {
      const idOf = (item: string) => `${drive.id}/${item}` as GraphId
      const above = (parent: string | null) =>
        items.some(({ id }) => id === parent) ? idOf(parent ?? '') : drive.id
      return [
        [drive.id as GraphId, [drive.name, undefined, undefined]] as const,
        ...items.map(
          ({ id, name, parentId, sha256: bytes }) =>
            [idOf(id), [name, above(parentId), bytes ?? undefined]] as const,
        ),
      ]
    })
    const { folders } = this.#site
    const known = [
      ...[...present(folders)].map(
        ([id, { name, parent }]) => [id, [name, parent, undefined]] as const,
      ),
      ...[...this.#site.present()].map(
        ([id, { name, folder, sha256: bytes }]) => [id, [name, folder, bytes]] as const,
      ),
    ]
    assert.deepEqual(byId(told), byId(known), 'the model knows the site')
  }

  async checkVersion(event: PutEvent, reader: ContentReader): Promise<void> {
    const content = contentOf(event)
    const json = event.representations.find(({ name }) => name === 'json')
    assert.ok(content && json, 'a file is held with its content and as JSON')
    const bytes = await reader.readAll(content, CONTENT_BYTES_MAX, NEVER)
    const hash = sha256(bytes)
    if (content.digest === undefined) assert.equal(hash, content.sha256, 'the bytes hash right')
    const past = this.#site.files.get(event.item)?.until(this.#service.now()) ?? []
    assert.ok(
      past.some((state) => state.sha256 === hash),
      'the bytes are those that somebody wrote',
    )
    const metadata = await reader.metadata(json, NEVER)
    assert.equal(metadata.item, event.item, 'a metadata segment names its item')
  }
}
