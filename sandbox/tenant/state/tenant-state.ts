/**
 * The whole state of the tenant: the stores over one database, the clock and the switches.
 *
 * Invariant: Graph, the control interface, the generator and the importer all change the tenant
 * through the operations of these stores, inside one transaction for one change.
 */
import { stableGuid } from '../ids.ts'
import {
  type Folder,
  GERMAN_FOLDER_NAMES,
  type Mailbox,
  type Message,
  type User,
  type UserProfile,
  WELL_KNOWN_FOLDERS,
} from '../model.ts'
import { Trouble } from '../trouble/trouble.ts'
import { ContentStore } from './contents.ts'
import { Database } from './database.ts'
import { ItemStore } from './drive-items.ts'
import { FileUploads } from './file-uploads.ts'
import { FolderStore } from './folders.ts'
import { Invitations } from './invitations.ts'
import { MessageStore } from './messages.ts'
import { MimeLog } from './mime-log.ts'
import type { TenantSettings } from './settings.ts'
import { SharingStore } from './sharing.ts'
import { SiteStore } from './sites.ts'
import { UploadSessions } from './upload-sessions.ts'
import { UserStore } from './users.ts'

export class TenantState {
  readonly db: Database
  readonly users: UserStore
  readonly folders: FolderStore
  readonly messages: MessageStore
  readonly sites: SiteStore
  readonly items: ItemStore
  readonly contents: ContentStore
  readonly sharing: SharingStore
  /** Changed through `changeSettings` only. */
  readonly settings: TenantSettings
  readonly trouble: Trouble
  readonly uploads: UploadSessions
  readonly fileUploads: FileUploads
  readonly invitations = new Invitations()
  readonly mimeLog: MimeLog
  readonly tenantId: string
  readonly #clock: () => number

  constructor(options: {
    readonly file: string
    readonly tenantId: string
    readonly settings: TenantSettings
    readonly clock: () => number
  }) {
    this.db = new Database(options.file)
    this.users = new UserStore(this.db)
    this.folders = new FolderStore(this.db)
    this.settings = options.settings
    this.tenantId = options.tenantId
    this.#clock = options.clock
    this.trouble = new Trouble({
      settings: this.settings,
      lastSeq: () => this.db.lastSeq(),
      nowMs: options.clock,
    })
    this.mimeLog = new MimeLog(this.db)
    this.uploads = new UploadSessions({
      lifeMs: () => this.settings.uploadSessionMs,
      nowMs: options.clock,
    })
    this.fileUploads = new FileUploads({
      lifeMs: () => this.settings.uploadSessionMs,
      nowMs: options.clock,
    })
    this.messages = new MessageStore(this.db, this.folders, this.trouble)
    this.items = new ItemStore(this.db, { watch: this.trouble.drives, clock: options.clock })
    this.sites = new SiteStore(this.db, this.items)
    this.contents = new ContentStore(this.db)
    this.sharing = new SharingStore(this.db, this.items)
    this.db.onCommit = (seq) => this.trouble.committed(seq)
  }

  changeSettings(change: Partial<TenantSettings>): void {
    Object.assign(this.settings, change)
    this.trouble.settingsChanged()
  }

  /** Whole seconds: Exchange keeps no more. */
  nowMs(): number {
    return Math.floor(this.#clock() / 1000) * 1000
  }

  preciseNowMs(): number {
    return this.#clock()
  }

  /** A directory user; with a mailbox, the well-known folders come with it. */
  createUser(profile: UserProfile, mailbox: Mailbox | null): User {
    return this.db.transaction(() => {
      const id = stableGuid('user', this.tenantId, profile.userPrincipalName.toLowerCase())
      const user = this.users.create(id, profile, mailbox)
      if (mailbox) this.#createWellKnownFolders(user, mailbox)
      return user
    })
  }

  /** Deletes a folder with all below it; its messages go to the recoverable items. */
  deleteFolderTree(user: User, folder: Folder): void {
    this.db.transaction(() => {
      const deletions = this.folders.wellKnown(user, 'recoverableitemsdeletions')
      for (const each of this.folders.subtree(folder).toReversed()) {
        for (const message of this.messages.inFolder(each)) {
          this.messages.move(user, message, deletions, this.nowMs())
        }
        this.folders.remove(this.folders.byPk(each.pk))
      }
    })
  }

  /**
   * What DELETE does to a message: into the recoverable items; from there into the purges; from
   * the purges nowhere, it is gone.
   */
  deleteMessage(user: User, message: Message): void {
    const now = this.nowMs()
    this.db.transaction(() => {
      const { wellKnown } = this.folders.byPk(message.folder)
      if (wellKnown === 'recoverableitemspurges') {
        this.messages.destroy(message)
        return
      }
      const deleted = wellKnown === 'recoverableitemsdeletions'
      const target = deleted ? 'recoverableitemspurges' : 'recoverableitemsdeletions'
      this.messages.move(user, message, this.folders.wellKnown(user, target), now)
    })
  }

  /** The number that a removed delta state compares with, see `expireDelta`. */
  deltaEpoch(user: User | null): number {
    return Number(this.db.meta(`delta-epoch:${user?.pk ?? 'directory'}`) ?? 0)
  }

  /** Makes every delta link given so far useless, as a mailbox move does. */
  expireDelta(user: User | null): void {
    this.db.setMeta(`delta-epoch:${user?.pk ?? 'directory'}`, String(this.deltaEpoch(user) + 1))
  }

  /** As `deltaEpoch`, of a drive by its Graph id, or of `sites`. */
  driveEpoch(owner: string): number {
    return Number(this.db.meta(`drive-epoch:${owner}`) ?? 0)
  }

  expireDriveDelta(owner: string): void {
    this.db.setMeta(`drive-epoch:${owner}`, String(this.driveEpoch(owner) + 1))
  }

  /** Of the pre-authenticated URLs that are good; `expireDownloads` makes all of them useless. */
  downloadEpoch(): number {
    return Number(this.db.meta('download-epoch') ?? 0)
  }

  expireDownloads(): void {
    this.db.setMeta('download-epoch', String(this.downloadEpoch() + 1))
  }

  close(): void {
    this.mimeLog.close()
    this.db.close()
  }

  #createWellKnownFolders(user: User, mailbox: Mailbox): void {
    const german = mailbox.locale.startsWith('de')
    for (const { wellKnown, name, parent, hidden } of WELL_KNOWN_FOLDERS) {
      this.folders.create(user, {
        parent: parent === null ? null : this.folders.wellKnown(user, parent).pk,
        name: (german ? GERMAN_FOLDER_NAMES[wellKnown] : undefined) ?? name,
        wellKnown,
        hidden,
      })
    }
  }
}
