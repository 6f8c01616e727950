/**
 * The folder tree of a mailbox.
 *
 * Invariants: counters (`total`, `unread`) change in the same transaction as the messages they
 * count, and every change of them is a change of the folder (new seq): that is what makes
 * `mailFolders/delta` a hint for new mail, and why it sees no body that is edited in place.
 * Names need not be unique here; the Graph layer refuses doubles, Exchange itself makes them.
 */
import { folderId } from '../ids.ts'
import type { Folder, SearchDefinition, User } from '../model.ts'
import type { Database } from './database.ts'
import { integer, text, toFolder } from './rows.ts'

/** Guards walks up and down the tree against a cycle that a bug could make. */
const FOLDER_DEPTH_MAX = 300

export interface NewFolder {
  readonly parent: number | null
  readonly name: string
  readonly wellKnown?: string
  readonly hidden?: boolean
  readonly search?: SearchDefinition
}

export class FolderStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  create(user: User, folder: NewFolder): Folder {
    if (!user.mailbox) throw new Error('the user has no mailbox')
    const serial = integer(this.#one('SELECT ifnull(max(pk), 0) + 1 AS n FROM folders'), 'n')
    // The seq keeps an id from being given twice after the newest folder was deleted.
    const seq = this.#db.nextSeq()
    const pk = this.#db.run(
      `INSERT INTO folders(user, id, seq, parent, name, well_known, hidden, search)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?)`,
      user.pk,
      folderId(user.mailbox.guid, serial * 1_000_000 + (seq % 1_000_000)),
      seq,
      folder.parent,
      folder.name,
      folder.wellKnown ?? null,
      folder.hidden ? 1 : 0,
      folder.search ? JSON.stringify(folder.search) : null,
    )
    this.#touchOptional(folder.parent)
    return this.byPk(pk)
  }

  rename(folder: Folder, name: string): Folder {
    this.#db.run('UPDATE folders SET name = ? WHERE pk = ?', name, folder.pk)
    this.#touch(folder.pk)
    return this.byPk(folder.pk)
  }

  move(folder: Folder, parent: Folder): Folder {
    this.#db.run('UPDATE folders SET parent = ? WHERE pk = ?', parent.pk, folder.pk)
    this.#touch(folder.pk)
    this.#touchOptional(folder.parent)
    this.#touch(parent.pk)
    return this.byPk(folder.pk)
  }

  /** Removes one folder that holds nothing any more, and notes it for the delta. */
  remove(folder: Folder): void {
    this.#db.run('DELETE FROM folders WHERE pk = ?', folder.pk)
    this.#db.run(
      'INSERT INTO gone_folders(user, id, seq) VALUES(?, ?, ?)',
      folder.user,
      folder.id,
      this.#db.nextSeq(),
    )
    this.#touchOptional(folder.parent)
  }

  /** Adds to the counters; the folder counts as changed when one of them does. */
  count(folderPk: number, change: { total: number; unread: number }): void {
    if (change.total === 0 && change.unread === 0) return
    this.#db.run(
      'UPDATE folders SET total = total + ?, unread = unread + ?, seq = ? WHERE pk = ?',
      change.total,
      change.unread,
      this.#db.nextSeq(),
      folderPk,
    )
  }

  byPk(pk: number): Folder {
    return toFolder(this.#one('SELECT * FROM folders WHERE pk = ?', pk))
  }

  /** By Graph id or well-known name (any case); another mailbox's folder is not found. */
  find(user: User, idOrName: string): Folder | undefined {
    const row =
      this.#db.get('SELECT * FROM folders WHERE id = ? AND user = ?', idOrName, user.pk) ??
      this.#db.get(
        'SELECT * FROM folders WHERE user = ? AND well_known = ?',
        user.pk,
        idOrName.toLowerCase(),
      )
    return row ? toFolder(row) : undefined
  }

  wellKnown(user: User, name: string): Folder {
    const found = this.find(user, name)
    if (!found) throw new Error(`the mailbox has no folder ${name}`)
    return found
  }

  /** By display path from the top of the mailbox, parts joined by `/`; the oldest of doubles. */
  findByPath(user: User, path: string): Folder | undefined {
    return this.all(user).find((folder) => this.path(folder) === path)
  }

  all(user: User): Folder[] {
    return this.#db.all('SELECT * FROM folders WHERE user = ? ORDER BY pk', user.pk).map(toFolder)
  }

  children(folder: Folder): Folder[] {
    return this.#db
      .all('SELECT * FROM folders WHERE parent = ? ORDER BY pk', folder.pk)
      .map(toFolder)
  }

  childCount(folder: Folder): number {
    const sql = 'SELECT count(*) AS n FROM folders WHERE parent = ? AND hidden = 0'
    return integer(this.#one(sql, folder.pk), 'n')
  }

  /** The folder and all below it, parents first. */
  subtree(folder: Folder): Folder[] {
    const found = [folder]
    for (let level = [folder], depth = 0; level.length > 0; depth += 1) {
      if (depth > FOLDER_DEPTH_MAX) throw new Error('the folder tree is too deep')
      level = level.flatMap((parent) => this.children(parent))
      found.push(...level)
    }
    return found
  }

  /** Display path below the top of the mailbox; folders outside it start with their root. */
  path(folder: Folder): string {
    const names: string[] = []
    let current = folder
    for (let depth = 0; current.parent !== null; depth += 1) {
      if (depth > FOLDER_DEPTH_MAX) throw new Error('the folder tree is too deep')
      names.unshift(current.name)
      current = this.byPk(current.parent)
    }
    if (current.wellKnown !== 'msgfolderroot' || names.length === 0) names.unshift(current.name)
    return names.join('/')
  }

  isInside(folder: Folder, ancestor: Folder): boolean {
    let current: Folder = folder
    for (let depth = 0; depth <= FOLDER_DEPTH_MAX; depth += 1) {
      if (current.pk === ancestor.pk) return true
      if (current.parent === null) return false
      current = this.byPk(current.parent)
    }
    throw new Error('the folder tree is too deep')
  }

  /** Folders changed after `seq`, oldest change first. */
  changedSince(user: User, seq: number, countMax: number): Folder[] {
    return this.#db
      .all(
        'SELECT * FROM folders WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?',
        user.pk,
        seq,
        countMax,
      )
      .map(toFolder)
  }

  goneSince(user: User, seq: number, countMax: number): { id: string; seq: number }[] {
    return this.#db
      .all(
        'SELECT id, seq FROM gone_folders WHERE user = ? AND seq > ? ORDER BY seq LIMIT ?',
        user.pk,
        seq,
        countMax,
      )
      .map((row) => ({ id: text(row, 'id'), seq: integer(row, 'seq') }))
  }

  #touch(pk: number): void {
    this.#db.run('UPDATE folders SET seq = ? WHERE pk = ?', this.#db.nextSeq(), pk)
  }

  #touchOptional(pk: number | null): void {
    if (pk !== null) this.#touch(pk)
  }

  #one(sql: string, ...values: (string | number)[]) {
    const row = this.#db.get(sql, ...values)
    if (!row) throw new Error('a folder row that must be there is missing')
    return row
  }
}
