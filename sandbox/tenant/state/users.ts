/**
 * Users of the directory. A user that has a mailbox has the well-known folders from the start.
 * Deleting keeps the row: the directory delta must still tell of it.
 */
import type { Mailbox, User, UserProfile } from '../model.ts'
import type { Database } from './database.ts'
import { toUser } from './rows.ts'

export class UserStore {
  readonly #db: Database
  /** Graph ids and principal names to users; every request asks for one. */
  readonly #cache = new Map<string, User>()

  constructor(db: Database) {
    this.#db = db
  }

  create(id: string, profile: UserProfile, mailbox: Mailbox | null): User {
    const pk = this.#db.run(
      'INSERT INTO users(id, seq, deleted, upn, profile, mailbox) VALUES(?, ?, 0, ?, ?, ?)',
      id,
      this.#db.nextSeq(),
      profile.userPrincipalName,
      JSON.stringify(profile),
      mailbox === null ? null : JSON.stringify(mailbox),
    )
    return this.byPk(pk)
  }

  update(user: User, profile: UserProfile): User {
    this.#cache.clear()
    this.#db.run(
      'UPDATE users SET profile = ?, upn = ?, seq = ? WHERE pk = ?',
      JSON.stringify(profile),
      profile.userPrincipalName,
      this.#db.nextSeq(),
      user.pk,
    )
    return this.byPk(user.pk)
  }

  /** A change of the mailbox is one of the user: the directory delta tells of it. */
  setMailbox(user: User, mailbox: Mailbox): User {
    this.#cache.clear()
    this.#db.run(
      'UPDATE users SET mailbox = ?, seq = ? WHERE pk = ?',
      JSON.stringify(mailbox),
      this.#db.nextSeq(),
      user.pk,
    )
    return this.byPk(user.pk)
  }

  /** Soft deletion, as the directory does it: the user is gone from lists and calls. */
  remove(user: User): void {
    this.#cache.clear()
    this.#db.run('UPDATE users SET deleted = 1, seq = ? WHERE pk = ?', this.#db.nextSeq(), user.pk)
  }

  /** By object id or principal name; deleted users are not found. */
  find(idOrName: string): User | undefined {
    const cached = this.#cache.get(idOrName)
    if (cached) return cached
    const row = this.#db.get(
      'SELECT * FROM users WHERE (id = ? OR upn = ?) AND deleted = 0',
      idOrName.toLowerCase(),
      idOrName,
    )
    if (!row) return undefined
    const user = toUser(row)
    this.#cache.set(idOrName, user)
    return user
  }

  byPk(pk: number): User {
    const row = this.#db.get('SELECT * FROM users WHERE pk = ?', pk)
    if (!row) throw new Error(`there is no user ${pk}`)
    return toUser(row)
  }

  all(): User[] {
    return this.#db.all('SELECT * FROM users WHERE deleted = 0 ORDER BY pk').map(toUser)
  }

  /** Users changed after `seq`, oldest change first. */
  changedSince(seq: number, countMax: number): User[] {
    return this.#db
      .all('SELECT * FROM users WHERE seq > ? ORDER BY seq LIMIT ?', seq, countMax)
      .map(toUser)
  }
}
