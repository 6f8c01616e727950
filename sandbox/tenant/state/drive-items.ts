/**
 * Files and folders of the drives, with their versions. The rows are the change log too: deltas
 * read them in the order of their seqs.
 *
 * Invariants: every change gives the item a new seq and eTag, a change of content a new cTag and
 * version as well; names are unique in a folder, in any case; sizes of folders follow in the same
 * transaction, and are no change of the folder. A renamed or moved folder is one row that changes:
 * nothing below it is touched. What is deleted leaves its row, which says with which item it
 * went: that one may come back from the recycle bin, and then with all that went with it.
 */

import { itemId } from '../drive-ids.ts'
import type {
  Actor,
  Content,
  DriveItem,
  ItemKind,
  ItemVersion,
  RemoteTarget,
} from '../drive-model.ts'
import { stableGuid } from '../ids.ts'
import type { Database } from './database.ts'
import { toItem, toVersion } from './drive-rows.ts'
import { integer, text } from './rows.ts'

/** SharePoint's own default of a library: the oldest go. */
export const VERSIONS_KEPT = 500
/** Guards walks up and down the tree against a cycle that a bug could make. */
const ITEM_DEPTH_MAX = 300

export const SYSTEM_ACTOR: Actor = { id: '', displayName: 'System Account', kind: 'user' }

/** What a file shows of its content; SharePoint may show other than what is stored. */
export interface FileContent {
  readonly content: Content
  readonly mimeType: string
  /** Missing: that of the content; null: it shows none. */
  readonly shownHash?: string | null
  readonly shownSize?: number
}

export interface NewItem {
  readonly name: string
  readonly by?: Actor
  /** What clients say of the file's times; missing: now. */
  readonly fsCreatedMs?: number
  readonly fsModifiedMs?: number
}

/** What may change of an item; what is missing stays. */
export interface ItemChange {
  readonly name?: string
  readonly parent?: DriveItem
  readonly fsCreatedMs?: number
  readonly fsModifiedMs?: number
  readonly malware?: string | null
}

/** After the one, up to and with the other. */
export interface Seqs {
  readonly after: number
  readonly until: number
}

/** Who wants to know of changes while they happen; must not change anything itself. */
export interface ItemWatch {
  /** Before each change or deletion, with the state that ends. */
  changing(before: DriveItem): void
}

export class ItemStore {
  readonly #db: Database
  readonly #watch: ItemWatch
  readonly #clock: () => number

  /** `clock`: in milliseconds, for the times that timestamp tokens ask for. */
  constructor(db: Database, options: { readonly watch: ItemWatch; readonly clock: () => number }) {
    this.#db = db
    this.#watch = options.watch
    this.#clock = options.clock
  }

  createRoot(drivePk: number, id: string, nowMs: number): DriveItem {
    const guid = stableGuid('root', id, drivePk)
    return this.#insert(
      { drive: drivePk, id, guid, parent: null, kind: 'root' },
      { name: 'root' },
      nowMs,
    )
  }

  createFolder(
    parent: DriveItem,
    item: NewItem,
    nowMs: number,
    kind: 'folder' | 'notebook' = 'folder',
  ): DriveItem {
    return this.#insert({ ...this.#place(parent), kind }, item, nowMs)
  }

  createFile(parent: DriveItem, item: NewItem, file: FileContent, nowMs: number): DriveItem {
    const created = this.#insert({ ...this.#place(parent), kind: 'file', file }, item, nowMs)
    this.#addVersion(created)
    this.#addSize(created.parent, created.size)
    return created
  }

  createShortcut(parent: DriveItem, item: NewItem, remote: RemoteTarget, nowMs: number): DriveItem {
    return this.#insert({ ...this.#place(parent), kind: 'shortcut', remote }, item, nowMs)
  }

  /** A new version of the file; its dates are `dates`, or now. */
  replaceContent(
    item: DriveItem,
    file: FileContent,
    { nowMs, by, fsModifiedMs = nowMs }: { nowMs: number; by?: Actor; fsModifiedMs?: number },
  ): DriveItem {
    this.#watch.changing(item)
    const size = file.shownSize ?? file.content.size
    this.#db.run(
      `UPDATE items SET content = ?, mime = ?, quick_xor = ?, size = ?, version = version + 1,
         ctag = ctag + 1, fs_modified = ?, malware = NULL WHERE pk = ?`,
      file.content.pk,
      file.mimeType,
      shownHash(file),
      size,
      fsModifiedMs,
      item.pk,
    )
    const changed = this.#touch(item, nowMs, by ?? item.modifiedBy)
    this.#addVersion(changed)
    this.#addSize(item.parent, size - item.size)
    return changed
  }

  /** Metadata only: no new version and no new cTag. A move stays inside the drive. */
  update(item: DriveItem, change: ItemChange, how: { nowMs: number; by?: Actor }): DriveItem {
    const { parent, name = item.name } = change
    if (parent && parent.drive !== item.drive) throw new Error('an item stays in its drive')
    const above = parent ? [parent, ...this.ancestors(parent)] : []
    if (above.some(({ pk }) => pk === item.pk)) throw new Error('a folder cannot be in itself')
    this.#watch.changing(item)
    this.#db.run(
      `UPDATE items SET name = ?, parent = ?, fs_created = ?, fs_modified = ?, malware = ?
       WHERE pk = ?`,
      name,
      parent?.pk ?? item.parent,
      change.fsCreatedMs ?? item.fsCreatedMs,
      change.fsModifiedMs ?? item.fsModifiedMs,
      change.malware === undefined ? item.malware : change.malware,
      item.pk,
    )
    if (parent && parent.pk !== item.parent) {
      this.#addSize(item.parent, -item.size)
      this.#addSize(parent.pk, item.size)
    }
    return this.#touch(item, how.nowMs, how.by ?? item.modifiedBy)
  }

  /** The present content once more as a version: what SharePoint does when dates are set. */
  repeatVersion(item: DriveItem): DriveItem {
    this.#db.run('UPDATE items SET version = version + 1 WHERE pk = ?', item.pk)
    const repeated = this.byPk(item.pk)
    this.#addVersion(repeated)
    return repeated
  }

  /**
   * Deletes the item with all below it. `tellAll`: what was below is told of as well; otherwise
   * the deltas tell of the folder alone.
   */
  remove(item: DriveItem, { tellAll = false }: { tellAll?: boolean } = {}): void {
    const [first, ...below] = this.subtree(item)
    for (const each of below) {
      this.#watch.changing(each)
      this.#setDeleted(each, item.pk, tellAll)
    }
    if (!first) return
    this.#watch.changing(first)
    this.#setDeleted(first, item.pk, true)
    this.#addSize(item.parent, -item.size)
  }

  /** What was deleted under this id, and not with something else. */
  discarded(drivePk: number, id: string): DriveItem | undefined {
    const sql = 'SELECT * FROM items WHERE drive = ? AND id = ? AND deleted = pk'
    const row = this.#db.get(sql, drivePk, id.toUpperCase())
    return row ? toItem(row) : undefined
  }

  /**
   * From the recycle bin to where it was, with all that went with it. Its place must be there and
   * its name free. `tellAll`: as of `remove`.
   */
  restore(item: DriveItem, { tellAll = false }: { tellAll?: boolean } = {}): DriveItem {
    const sql = 'SELECT * FROM items WHERE deleted = ? AND pk <> ? ORDER BY pk'
    const below = this.#db.all(sql, item.pk, item.pk).map(toItem)
    for (const each of [item, ...below]) {
      this.#watch.changing(each)
      this.#setDeleted(each, 0, tellAll || each.pk === item.pk)
    }
    const restored = this.byPk(item.pk)
    this.#addSize(restored.parent, restored.size)
    return restored
  }

  byPk(pk: number): DriveItem {
    const row = this.#db.get('SELECT * FROM items WHERE pk = ?', pk)
    if (!row) throw new Error(`there is no item ${pk}`)
    return toItem(row)
  }

  /** Deleted items are not found; ids are taken in any case. */
  find(drivePk: number, id: string): DriveItem | undefined {
    const row = this.#db.get(
      'SELECT * FROM items WHERE drive = ? AND id = ? AND deleted = 0',
      drivePk,
      id.toUpperCase(),
    )
    return row ? toItem(row) : undefined
  }

  childNamed(parent: DriveItem, name: string): DriveItem | undefined {
    const sql = 'SELECT * FROM items WHERE parent = ? AND name = ? AND deleted = 0'
    const row = this.#db.get(sql, parent.pk, name)
    return row ? toItem(row) : undefined
  }

  /** By names from the root, parts joined by `/`; empty: the root itself. */
  findByPath(root: DriveItem, path: string): DriveItem | undefined {
    return path
      .split('/')
      .filter((name) => name !== '')
      .reduce<DriveItem | undefined>((at, name) => at && this.childNamed(at, name), root)
  }

  /** By name, after the one that was last told. */
  children(
    parent: DriveItem,
    { after, countMax }: { after?: string; countMax: number },
  ): DriveItem[] {
    return this.#db
      .all(
        `SELECT * FROM items WHERE parent = ? AND deleted = 0 AND name > ?
         ORDER BY name LIMIT ?`,
        parent.pk,
        after ?? '',
        countMax,
      )
      .map(toItem)
  }

  childCount(parent: DriveItem): number {
    const sql = 'SELECT count(*) AS n FROM items WHERE parent = ? AND deleted = 0'
    return integer(this.#db.get(sql, parent.pk) ?? { n: 0 }, 'n')
  }

  /** The item and all that is below it and not deleted, parents first. */
  subtree(item: DriveItem): DriveItem[] {
    const sql = 'SELECT * FROM items WHERE parent = ? AND deleted = 0 ORDER BY pk'
    const found = [item]
    for (let level = [item], depth = 0; level.length > 0; depth += 1) {
      if (depth > ITEM_DEPTH_MAX) throw new Error('the tree of folders is too deep')
      level = level
        .filter(({ kind }) => kind !== 'file' && kind !== 'shortcut')
        .flatMap(({ pk }) => this.#db.all(sql, pk).map(toItem))
      found.push(...level)
    }
    return found
  }

  /** From the folder of the item up to the root of its drive. */
  ancestors(item: DriveItem): DriveItem[] {
    const found: DriveItem[] = []
    for (let at = item.parent; at !== null; ) {
      if (found.length > ITEM_DEPTH_MAX) throw new Error('the tree of folders is too deep')
      const parent = this.byPk(at)
      found.push(parent)
      at = parent.parent
    }
    return found
  }

  /** Names from the root on, joined by `/`; empty for the root. */
  path(item: DriveItem): string {
    const folders = this.ancestors(item).filter(({ kind }) => kind !== 'root')
    const names = folders.toReversed().map(({ name }) => name)
    return item.kind === 'root' ? '' : [...names, item.name].join('/')
  }

  /** Changed and deleted items of these seqs, oldest change first. */
  changedSince(drivePk: number, { after, until }: Seqs, countMax: number): DriveItem[] {
    const sql = 'SELECT * FROM items WHERE drive = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?'
    return this.#db.all(sql, drivePk, after, until, countMax).map(toItem)
  }

  /** Live items whose permissions changed, and which last changed, up to `until`. */
  sharedSince(drivePk: number, { after, until }: Seqs, countMax: number): DriveItem[] {
    const sql = `SELECT * FROM items WHERE drive = ? AND shared_seq > ? AND shared_seq <= ?
         AND seq <= ? AND deleted = 0 ORDER BY shared_seq LIMIT ?`
    return this.#db.all(sql, drivePk, after, until, until, countMax).map(toItem)
  }

  /** The last seq of the drive before this time; for timestamp tokens. */
  seqBefore(drivePk: number, ms: number): number {
    const sql = 'SELECT ifnull(max(seq), 0) AS s FROM items WHERE drive = ? AND changed < ?'
    return integer(this.#db.get(sql, drivePk, ms) ?? { s: 0 }, 's')
  }

  /** Newest first, the current one included. */
  versions(item: DriveItem): ItemVersion[] {
    return this.#db
      .all('SELECT * FROM versions WHERE item = ? ORDER BY number DESC', item.pk)
      .map(toVersion)
  }

  /** Everything that is in the drive and not deleted, by path; for verdicts. */
  allOf(drivePk: number): DriveItem[] {
    return this.#db
      .all('SELECT * FROM items WHERE drive = ? AND deleted = 0 ORDER BY pk', drivePk)
      .map(toItem)
  }

  /** The permissions of the item changed: a change that is told to those only who ask for it. */
  markShared(item: DriveItem, unique: boolean): DriveItem {
    this.#db.run(
      'UPDATE items SET unique_permissions = ?, shared_seq = ? WHERE pk = ?',
      unique ? 1 : 0,
      this.#db.nextSeq(),
      item.pk,
    )
    return this.byPk(item.pk)
  }

  #place(parent: DriveItem): Place {
    const rootId = text(
      this.#db.get('SELECT id FROM drives WHERE pk = ?', parent.drive) ?? {},
      'id',
    )
    const sql = 'SELECT ifnull(max(pk), 0) + 1 AS n FROM items'
    const guid = stableGuid('item', rootId, integer(this.#db.get(sql) ?? { n: 1 }, 'n'))
    return { drive: parent.drive, id: itemId(rootId, guid), guid, parent: parent.pk }
  }

  #insert(
    place: Place & { kind: ItemKind; file?: FileContent; remote?: RemoteTarget },
    { name, by = SYSTEM_ACTOR, fsCreatedMs, fsModifiedMs }: NewItem,
    nowMs: number,
  ): DriveItem {
    const { file, remote = null } = place
    const actor = JSON.stringify(by)
    const seq = this.#db.nextSeq()
    const pk = this.#db.run(
      `INSERT INTO items(drive, id, guid, serial, seq, shared_seq, parent, name, kind, deleted, etag,
         ctag, size, mime, content, quick_xor, version, created, modified, fs_created, fs_modified,
         created_by, modified_by, malware, remote, unique_permissions, changed)
       VALUES(?, ?, ?, ?, ?, 0, ?, ?, ?, 0, 1, 1, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)`,
      place.drive,
      place.id,
      place.guid,
      seq,
      seq,
      place.parent,
      name,
      place.kind,
      file ? (file.shownSize ?? file.content.size) : 0,
      file?.mimeType ?? null,
      file?.content.pk ?? null,
      file ? shownHash(file) : null,
      nowMs,
      nowMs,
      fsCreatedMs ?? nowMs,
      fsModifiedMs ?? nowMs,
      actor,
      actor,
      remote === null ? null : JSON.stringify(remote),
      place.kind === 'root' ? 1 : 0,
      this.#clock(),
    )
    return this.byPk(pk)
  }

  #touch(item: DriveItem, nowMs: number, by: Actor): DriveItem {
    this.#db.run(
      `UPDATE items SET seq = ?, etag = etag + 1, modified = ?, modified_by = ?, changed = ?
       WHERE pk = ?`,
      this.#db.nextSeq(),
      nowMs,
      JSON.stringify(by),
      this.#clock(),
      item.pk,
    )
    return this.byPk(item.pk)
  }

  /** `by`: the pk of what it goes with; 0: it is there. `isTold`: as a change of its own. */
  #setDeleted({ pk, seq }: DriveItem, by: number, isTold: boolean): void {
    const told = isTold ? this.#db.nextSeq() : seq
    this.#db.run('UPDATE items SET deleted = ?, seq = ? WHERE pk = ?', by, told, pk)
    if (isTold) this.#db.run('UPDATE items SET changed = ? WHERE pk = ?', this.#clock(), pk)
  }

  #addVersion(item: DriveItem): void {
    if (item.content === null) throw new Error('only files have versions')
    this.#db.run(
      `INSERT INTO versions(item, number, content, size, quick_xor, modified, modified_by)
       VALUES(?, ?, ?, ?, ?, ?, ?)`,
      item.pk,
      item.version,
      item.content,
      item.size,
      item.quickXorHash,
      item.modifiedMs,
      JSON.stringify(item.modifiedBy),
    )
    const oldest = item.version - VERSIONS_KEPT
    this.#db.run('DELETE FROM versions WHERE item = ? AND number <= ?', item.pk, oldest)
  }

  /** Adds to the sizes of a folder and of all above it. */
  #addSize(folder: number | null, bytes: number): void {
    if (bytes === 0) return
    for (let at = folder, depth = 0; at !== null; depth += 1) {
      if (depth > ITEM_DEPTH_MAX) throw new Error('the tree of folders is too deep')
      this.#db.run('UPDATE items SET size = size + ? WHERE pk = ?', bytes, at)
      at = this.byPk(at).parent
    }
  }
}

interface Place {
  readonly drive: number
  readonly id: string
  readonly guid: string
  readonly parent: number | null
}

/** Empty files show no hash, as in the real service. */
function shownHash({ content, shownHash: shown }: FileContent): string | null {
  if (shown !== undefined) return shown
  return content.size === 0 ? null : content.quickXorHash
}
