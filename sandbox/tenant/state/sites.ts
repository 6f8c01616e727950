/**
 * Site collections and their subsites, and the libraries in them.
 *
 * Invariants: each web has an id of its own, and a subsite shares its collection's; a drive
 * belongs to one web for ever; a site that goes takes its subsites and libraries with it, and all
 * rows stay, because deltas must still tell of them.
 */

import { driveId, rootItemId, siteId } from '../drive-ids.ts'
import type { Drive, Site, SiteState } from '../drive-model.ts'
import { stableGuid } from '../ids.ts'
import type { Database } from './database.ts'
import type { ItemStore } from './drive-items.ts'
import { toDrive, toSite } from './drive-rows.ts'

export const SHAREPOINT_HOST = 'sandbox.sharepoint.com'
export const ONEDRIVE_HOST = 'sandbox-my.sharepoint.com'

const QUOTA_BYTES = 27_487_790_694_400
/** Guards walks over subsites against a cycle that a bug could make. */
const SITE_DEPTH_MAX = 50

export interface NewSite {
  /** null: a site collection of its own. */
  readonly parent: Site | null
  readonly host?: string
  /** Server-relative; of a subsite the last part only. */
  readonly path: string
  readonly displayName: string
  readonly owner?: number
  readonly group?: string
}

export interface NewDrive {
  readonly name: string
  /** Its name in URLs; missing: the same. */
  readonly folder?: string
  readonly type?: Drive['type']
  readonly system?: boolean
  readonly quotaBytes?: number
}

export class SiteStore {
  readonly #db: Database
  readonly #items: ItemStore

  constructor(db: Database, items: ItemStore) {
    this.#db = db
    this.#items = items
  }

  create({ parent, host = SHAREPOINT_HOST, path, ...site }: NewSite, nowMs: number): Site {
    const whole = parent === null ? path : `${parent.path}/${path}`
    const itsHost = parent?.host ?? host
    const seq = this.#db.nextSeq()
    const collection = parent?.collection ?? stableGuid('collection', itsHost, whole, seq)
    const web = stableGuid('web', itsHost, whole, seq)
    const pk = this.#db.run(
      `INSERT INTO sites(id, seq, deleted, parent, host, collection, web, path, display_name, owner,
         group_id, state, created, modified)
       VALUES(?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?)`,
      siteId(itsHost, collection, web),
      seq,
      parent?.pk ?? null,
      itsHost,
      collection,
      web,
      whole,
      site.displayName,
      site.owner ?? null,
      site.group ?? null,
      nowMs,
      nowMs,
    )
    return this.byPk(pk)
  }

  /** Of the whole collection: subsites are locked and archived with it. */
  setState(site: Site, state: SiteState): void {
    for (const each of this.tree(site)) {
      const sql = 'UPDATE sites SET state = ?, seq = ? WHERE pk = ?'
      this.#db.run(sql, state, this.#db.nextSeq(), each.pk)
    }
  }

  rename(site: Site, displayName: string, nowMs: number): Site {
    this.#db.run(
      'UPDATE sites SET display_name = ?, modified = ?, seq = ? WHERE pk = ?',
      displayName,
      nowMs,
      this.#db.nextSeq(),
      site.pk,
    )
    return this.byPk(site.pk)
  }

  remove(site: Site): void {
    for (const each of this.tree(site).toReversed()) {
      for (const drive of this.drives(each)) this.removeDrive(drive)
      this.#db.run(
        'UPDATE sites SET deleted = 1, seq = ? WHERE pk = ?',
        this.#db.nextSeq(),
        each.pk,
      )
    }
  }

  byPk(pk: number): Site {
    const row = this.#db.get('SELECT * FROM sites WHERE pk = ?', pk)
    if (!row) throw new Error(`there is no site ${pk}`)
    return toSite(row)
  }

  /** By the id in three parts, in any case; deleted sites are not found. */
  find(id: string): Site | undefined {
    const row = this.#db.get('SELECT * FROM sites WHERE id = ? AND deleted = 0', id.toLowerCase())
    return row ? toSite(row) : undefined
  }

  findByPath(path: string): Site | undefined {
    const row = this.#db.get('SELECT * FROM sites WHERE path = ? AND deleted = 0', path)
    return row ? toSite(row) : undefined
  }

  /** The site of somebody's OneDrive. */
  personal(userPk: number): Site | undefined {
    const row = this.#db.get('SELECT * FROM sites WHERE owner = ? AND deleted = 0', userPk)
    return row ? toSite(row) : undefined
  }

  /** The site of a group, by the group's guid. */
  ofGroup(group: string): Site | undefined {
    const sql = 'SELECT * FROM sites WHERE group_id = ? AND deleted = 0'
    const row = this.#db.get(sql, group.toLowerCase())
    return row ? toSite(row) : undefined
  }

  all(): Site[] {
    return this.#db.all('SELECT * FROM sites WHERE deleted = 0 ORDER BY pk').map(toSite)
  }

  collections(): Site[] {
    return this.all().filter(({ parent }) => parent === null)
  }

  subsites(site: Site): Site[] {
    return this.#db
      .all('SELECT * FROM sites WHERE parent = ? AND deleted = 0 ORDER BY pk', site.pk)
      .map(toSite)
  }

  /** The site and all below it, parents first. */
  tree(site: Site): Site[] {
    const found = [site]
    for (let level = [site], depth = 0; level.length > 0; depth += 1) {
      if (depth > SITE_DEPTH_MAX) throw new Error('the tree of sites is too deep')
      level = level.flatMap((parent) => this.subsites(parent))
      found.push(...level)
    }
    return found
  }

  /** Sites changed or deleted after `seq`, oldest change first. */
  changedSince(seq: number, countMax: number): Site[] {
    return this.#db
      .all('SELECT * FROM sites WHERE seq > ? ORDER BY seq LIMIT ?', seq, countMax)
      .map(toSite)
  }

  createDrive(site: Site, drive: NewDrive, nowMs: number): Drive {
    const { name, folder = name, type = 'documentLibrary', system = false } = drive
    const seq = this.#db.nextSeq()
    const list = stableGuid('list', site.id, folder, seq)
    const id = driveId(site.collection, site.web, list)
    const pk = this.#db.run(
      `INSERT INTO drives(id, site, seq, deleted, list, name, folder, type, system, root, quota,
         created, modified) VALUES(?, ?, ?, 0, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
      id,
      site.pk,
      seq,
      list,
      name,
      folder,
      type,
      system ? 1 : 0,
      drive.quotaBytes ?? QUOTA_BYTES,
      nowMs,
      nowMs,
    )
    const root = this.#items.createRoot(pk, rootItemId(id), nowMs)
    this.#db.run('UPDATE drives SET root = ? WHERE pk = ?', root.pk, pk)
    this.#touch(site)
    return this.drive(pk)
  }

  renameDrive(drive: Drive, name: string): Drive {
    this.#db.run(
      'UPDATE drives SET name = ?, seq = ? WHERE pk = ?',
      name,
      this.#db.nextSeq(),
      drive.pk,
    )
    this.#touch(this.byPk(drive.site))
    return this.drive(drive.pk)
  }

  setQuota(drive: Drive, quotaBytes: number): Drive {
    this.#db.run('UPDATE drives SET quota = ? WHERE pk = ?', quotaBytes, drive.pk)
    return this.drive(drive.pk)
  }

  /** The library is gone with all that is in it: its id never comes back. */
  removeDrive(drive: Drive): void {
    const sql = 'UPDATE drives SET deleted = 1, seq = ? WHERE pk = ?'
    this.#db.run(sql, this.#db.nextSeq(), drive.pk)
    this.#touch(this.byPk(drive.site))
  }

  drive(pk: number): Drive {
    const row = this.#db.get('SELECT * FROM drives WHERE pk = ?', pk)
    if (!row) throw new Error(`there is no drive ${pk}`)
    return toDrive(row)
  }

  /** Deleted drives are not found, and neither are those of deleted sites. */
  findDrive(id: string): Drive | undefined {
    const row = this.#db.get('SELECT * FROM drives WHERE id = ? AND deleted = 0', id)
    return row ? toDrive(row) : undefined
  }

  /** Hidden and system libraries too; the one that was made first is the site's own. */
  drives(site: Site): Drive[] {
    return this.#db
      .all('SELECT * FROM drives WHERE site = ? AND deleted = 0 ORDER BY pk', site.pk)
      .map(toDrive)
  }

  /** A change of its libraries is one that the delta of sites tells of. */
  #touch(site: Site): void {
    this.#db.run('UPDATE sites SET seq = ? WHERE pk = ?', this.#db.nextSeq(), site.pk)
  }
}
