/**
 * Who may see an item, beyond those who see its folder.
 *
 * Invariants: permissions are kept where they were given, and hold below; an item with one of its
 * own, or whose inheritance was broken, is unique. Each change marks the item's `sharedSeq`.
 */
import { hash } from 'node:crypto'
import type { DriveItem, ItemPermission, NewPermission } from '../drive-model.ts'
import type { Database } from './database.ts'
import type { ItemStore } from './drive-items.ts'
import { toPermission } from './drive-rows.ts'

export class SharingStore {
  readonly #db: Database
  readonly #items: ItemStore

  constructor(db: Database, items: ItemStore) {
    this.#db = db
    this.#items = items
  }

  add(item: DriveItem, permission: NewPermission): ItemPermission {
    const serial = this.#db.nextSeq()
    const bytes = hash('sha256', `permission:${item.id}:${serial}`, 'buffer')
    const pk = this.#db.run(
      'INSERT INTO item_permissions(id, item, fields) VALUES(?, ?, ?)',
      // Of links a guid, of grants an encoded name, as SharePoint has it.
      permission.link === null
        ? Buffer.from(`i:0#.f|membership|${permission.grantees[0]?.id ?? ''}|${serial}`).toString(
            'base64url',
          )
        : bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5'),
      item.pk,
      JSON.stringify(permission),
    )
    this.#items.markShared(item, true)
    const row = this.#db.get('SELECT * FROM item_permissions WHERE pk = ?', pk)
    if (!row) throw new Error('a permission that was written is missing')
    return toPermission(row)
  }

  remove(item: DriveItem, permission: ItemPermission): void {
    this.#db.run('DELETE FROM item_permissions WHERE pk = ?', permission.pk)
    this.#items.markShared(item, item.kind === 'root' || this.own(item).length > 0)
  }

  /** Everything of its own goes: it is seen by those who see its folder. */
  clear(item: DriveItem): void {
    this.#db.run('DELETE FROM item_permissions WHERE item = ?', item.pk)
    this.#items.markShared(item, item.kind === 'root')
  }

  own(item: DriveItem): ItemPermission[] {
    return this.#db
      .all('SELECT * FROM item_permissions WHERE item = ? ORDER BY pk', item.pk)
      .map(toPermission)
  }

  /** Its own and those that hold from above, each with the item that it was given to. */
  effective(item: DriveItem): { permission: ItemPermission; from: DriveItem }[] {
    return [item, ...this.#items.ancestors(item)].flatMap((from) =>
      this.own(from).map((permission) => ({ permission, from })),
    )
  }

  /** The nearest of the item and the folders above it that is uniquely shared, but for the root. */
  sharedBy(item: DriveItem): DriveItem | undefined {
    return [item, ...this.#items.ancestors(item)].find(
      ({ unique, kind }) => unique && kind !== 'root',
    )
  }
}
