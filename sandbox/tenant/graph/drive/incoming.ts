/**
 * Files that arrive: their bytes piece by piece into the content store, then one transaction that
 * makes them a file, or a new version of one.
 *
 * Invariants: no more than a piece is held; nothing is seen of a file before its last byte; what
 * SharePoint writes into Office files is written here, so that what is stored is what it shows.
 */
import { mimeTypeOf } from '../../content/mime-types.ts'
import type { DriveItem } from '../../drive-model.ts'
import type { ContentWriter } from '../../state/contents.ts'
import type { FileContent } from '../../state/drive-items.ts'
import type { FileTarget, Incoming } from '../../state/file-uploads.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { checkOpen, type ItemPlace } from './find.ts'
import { checkDriveQuota, placeName } from './names.ts'
import { checkWritable, isOfficeFile, OfficeRewriter } from './office.ts'
import { nameExists, notFound } from './refusals.ts'
import { isContainer } from './write.ts'

export class IncomingFile implements Incoming {
  readonly #writer: ContentWriter
  readonly #rewriter: OfficeRewriter | null
  readonly #name: string
  #received = 0

  constructor({ contents, settings }: TenantState, name: string) {
    this.#writer = contents.writer()
    this.#name = name
    this.#rewriter = settings.officeRewrites && isOfficeFile(name) ? new OfficeRewriter() : null
  }

  /** Bytes as they were sent. */
  get received(): number {
    return this.#received
  }

  add(bytes: Uint8Array): void {
    this.#received += bytes.length
    const certain = this.#rewriter ? this.#rewriter.add(bytes) : bytes
    if (certain.length > 0) this.#writer.append(certain)
  }

  finish(): FileContent {
    if (this.#rewriter && this.#received > 0) this.#writer.append(this.#rewriter.end())
    return { content: this.#writer.finish(), mimeType: mimeTypeOf(this.#name) }
  }

  discard(): void {
    this.#writer.discard()
  }
}

export interface Arrival {
  readonly place: ItemPlace
  readonly isNew: boolean
}

/** What would be refused at the end, as far as it is known at the beginning. */
export function checkTarget(state: TenantState, target: FileTarget, bytes: number): void {
  const drive = state.sites.drive(target.drive)
  const site = state.sites.byPk(drive.site)
  if (drive.deleted || site.deleted) throw notFound()
  checkOpen(site)
  checkDriveQuota(state, { drive, site }, bytes)
  const replaced = replacedBy(state, target)
  if (replaced) checkReplaceable(state, replaced)
}

function liveItem(state: TenantState, pk: number): DriveItem {
  const item = state.items.byPk(pk)
  if (item.deleted) throw notFound()
  return item
}

/** The file that gets a new version; undefined: a new file comes into being. */
function replacedBy(state: TenantState, { place }: FileTarget): DriveItem | undefined {
  if ('item' in place) return liveItem(state, place.item)
  return placeName(state, liveItem(state, place.folder), place).there
}

function checkReplaceable(state: TenantState, item: DriveItem): void {
  if (isContainer(item) || item.kind === 'shortcut') throw nameExists()
  checkWritable(state, item)
}

/** Makes the bytes a file. Throws as long as it cannot be; the bytes stay until then. */
export function arrive(state: TenantState, target: FileTarget, incoming: Incoming): Arrival {
  return state.db.transaction(() => {
    checkTarget(state, target, incoming.received)
    const drive = state.sites.drive(target.drive)
    const site = state.sites.byPk(drive.site)
    const { item, isNew } = written(state, target, incoming)
    return { place: { site, drive, item }, isNew }
  })
}

function written(
  state: TenantState,
  target: FileTarget,
  incoming: Incoming,
): { item: DriveItem; isNew: boolean } {
  const { by, dates, place } = target
  const nowMs = state.nowMs()
  const replaced = replacedBy(state, target)
  if (replaced) {
    const { fsCreatedMs, ...modified } = dates
    const item = state.items.replaceContent(replaced, incoming.finish(), { nowMs, by, ...modified })
    if (fsCreatedMs === undefined) return { item, isNew: false }
    return { item: state.items.update(item, { fsCreatedMs }, { nowMs, by }), isNew: false }
  }
  if ('item' in place) throw notFound()
  const folder = liveItem(state, place.folder)
  const { name } = placeName(state, folder, place)
  const file = { name, by, ...dates }
  return { item: state.items.createFile(folder, file, incoming.finish(), nowMs), isNew: true }
}
