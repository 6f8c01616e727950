/**
 * The mailbox of the story: what people do in it goes to the tenant and, in the same moment, into
 * the plain model, which knows what stood where at every time. At the end of a story the model is
 * held against the tenant's own state, so that neither can be wrong alone.
 */
import type { InProcessTenant } from '../../../../sandbox/tenant/index.ts'
import { CONTAINERS } from '../../../../src/model/events.ts'
import type { GraphId } from '../../../../src/model/ids.ts'
import { present, type Timeline, timelineOf } from '../timeline.ts'
import type { FolderState } from '../verdict.ts'
import type { Happening } from './doings.ts'

const USER_NAME = 'ada.brandt@sandbox.example'
const MESSAGES_MAX = 24
const FOLDERS_MAX = 7
/** Folders that every mailbox has and that people use here. */
const PLACES = ['inbox', 'archive', 'deleteditems'] as const
/** Below these nothing is read (DESIGN 4: seen, shown, not protected). */
const NOT_READ = /^(Sync Issues|Recoverable Items|Search Folders|Top of Information Store)/

export interface MessageState {
  readonly folder: GraphId
  readonly subject: string
  /** In the body, and in no other version of any message. */
  readonly token: string
  readonly isRead: boolean
  readonly isFlagged: boolean
  /** False: the last change was of these two, and the service tells nobody of it. */
  readonly isTold: boolean
}

export class Mailbox {
  readonly messages = new Map<GraphId, Timeline<MessageState>>()
  readonly folders = new Map<GraphId, Timeline<FolderState>>()
  readonly user: GraphId
  readonly #tenant: InProcessTenant
  readonly #now: () => number
  readonly #places: GraphId[] = []
  #bin = CONTAINERS
  #made: GraphId[] = []
  /** In the recoverable items: the owner may have them back. */
  readonly #recoverable: GraphId[] = []
  #serial = 0
  /** Read and flag changes are not told just now. */
  #isSilent = false

  private constructor(tenant: InProcessTenant, user: GraphId, now: () => number) {
    this.#tenant = tenant
    this.user = user
    this.#now = now
  }

  static async open(tenant: InProcessTenant, now: () => number): Promise<Mailbox> {
    const { id } = await tenant.control.createUser({
      displayName: 'Ada Brandt',
      userPrincipalName: USER_NAME,
      mailbox: { purpose: 'user', locale: 'en-US' },
    })
    const mailbox = new Mailbox(tenant, id as GraphId, now)
    await mailbox.#learnFolders()
    return mailbox
  }

  async #learnFolders(): Promise<void> {
    const { folders } = await this.#tenant.control.snapshot({ user: this.user })
    const root = folders.find((folder) => folder.wellKnown === 'msgfolderroot')
    for (const { id, path, name, wellKnown, parentId } of folders) {
      if (PLACES.some((place) => place === wellKnown)) this.#places.push(id as GraphId)
      if (wellKnown === 'deleteditems') this.#bin = id as GraphId
      if (NOT_READ.test(path)) continue
      const parent = parentId === root?.id ? undefined : (parentId as GraphId)
      this.#folder(id as GraphId).set(this.#now(), { name, parent })
    }
  }

  #message(id: GraphId): Timeline<MessageState> {
    return timelineOf(this.messages, id)
  }

  #folder(id: GraphId): Timeline<FolderState> {
    return timelineOf(this.folders, id)
  }

  /** Whether what happens is possible now decides whether it happens; numbers choose in turn. */
  async happen(what: Happening): Promise<void> {
    switch (what.step) {
      case 'arrive':
        return await this.#arrive(what)
      case 'edit':
        return await this.#edit(what)
      case 'read':
      case 'flag':
        return await this.#decorate(what)
      case 'move':
        return await this.#move(what)
      case 'delete':
        return await this.#delete(what)
      case 'undelete':
        return await this.#undelete(what)
      case 'make-folder':
        return await this.#makeFolder(what)
      case 'rename-folder':
        return await this.#renameFolder(what)
      case 'move-folder':
        return await this.#moveFolder(what)
      case 'delete-folder':
        return await this.#deleteFolder(what)
    }
  }

  /** The service tells of read and flag changes, or does not. */
  async silence(isOn: boolean): Promise<void> {
    this.#isSilent = isOn
    await this.#tenant.control.settings({ silentChanges: isOn ? 1 : 0 })
  }

  /** Messages that are in a folder that is read. */
  present(): GraphId[] {
    return [...present(this.messages).keys()]
  }

  place(n: number): GraphId {
    const all = [...this.#places, ...this.#made]
    return all[n % all.length] ?? CONTAINERS
  }

  /** Undefined where the mailbox is empty. */
  chosen(n: number): GraphId | undefined {
    const all = this.present()
    return all[n % all.length]
  }

  async #arrive({ folder: n, isLong, hasFile }: Happening & { step: 'arrive' }): Promise<void> {
    if (this.present().length >= MESSAGES_MAX) return
    this.#serial += 1
    const [folder, token, subject] = [this.place(n), this.#token(), `Letter ${this.#serial}`]
    const file = { name: 'file.txt', base64: Buffer.from(`file of ${token}`).toString('base64') }
    const { id } = await this.#tenant.control.deliver({
      ...{ user: this.user, folder, subject, body: textOf(token, isLong) },
      attachments: hasFile ? [file] : [],
    })
    this.#message(id as GraphId).set(this.#now(), {
      ...{ folder, subject, token },
      ...{ isRead: false, isFlagged: false, isTold: true },
    })
  }

  #token(): string {
    this.#serial += 1
    return `token-${this.#serial}-end`
  }

  async #edit({ message, hasSubject, isLong }: Happening & { step: 'edit' }): Promise<void> {
    await this.#change(message, async (id, state) => {
      const token = this.#token()
      const subject = hasSubject ? `Edited ${this.#serial}` : state.subject
      const fields = { body: textOf(token, isLong), ...(hasSubject ? { subject } : {}) }
      await this.#tenant.control.edit({ user: this.user, message: id, ...fields })
      return { ...state, subject, token, isTold: true }
    })
  }

  async #decorate(what: Happening & { step: 'read' | 'flag' }): Promise<void> {
    const { message, is } = what
    await this.#change(message, async (id, state) => {
      const ref = { user: this.user, message: id }
      const isTold = !this.#isSilent
      if (what.step === 'read') {
        await this.#tenant.control.read({ ...ref, isRead: is })
        return { ...state, isRead: is, isTold }
      }
      await this.#tenant.control.flag({ ...ref, flagStatus: is ? 'flagged' : 'notFlagged' })
      return { ...state, isFlagged: is, isTold }
    })
  }

  async #move({ message, folder: n }: Happening & { step: 'move' }): Promise<void> {
    await this.#change(message, async (id, state) => {
      const folder = this.place(n)
      if (folder === state.folder) return state
      await this.#tenant.control.move({ user: this.user, message: id, folder })
      return { ...state, folder, isTold: true }
    })
  }

  async #delete({ message, how }: Happening & { step: 'delete' }): Promise<void> {
    await this.#change(message, async (id, state) => {
      const folder = this.#bin
      const mode = how === 'soft' && state.folder === folder ? 'recoverable' : how
      await this.#tenant.control.delete({ user: this.user, message: id, mode })
      if (mode === 'recoverable') this.#recoverable.push(id)
      return mode === 'soft' ? { ...state, folder, isTold: true } : undefined
    })
  }

  async #undelete({ message: n, folder: m }: Happening & { step: 'undelete' }): Promise<void> {
    const [id] = this.#recoverable.splice(n % Math.max(1, this.#recoverable.length), 1)
    if (id === undefined) return
    const [state] = this.#message(id).until(this.#now()).slice(-1)
    if (!state) return
    const folder = this.place(m)
    await this.#tenant.control.move({ user: this.user, message: id, folder })
    this.#message(id).set(this.#now(), { ...state, folder, isTold: true })
  }

  async #change(
    n: number,
    change: (id: GraphId, state: MessageState) => Promise<MessageState | undefined>,
  ): Promise<void> {
    const id = this.chosen(n)
    const state = id && this.#message(id).now
    if (!id || !state) return
    this.#message(id).set(this.#now(), await change(id, state))
  }

  async #makeFolder({ parent: n, hidden }: Happening & { step: 'make-folder' }): Promise<void> {
    if (this.#made.length >= FOLDERS_MAX) return
    this.#serial += 1
    const name = `Folder ${this.#serial}`
    const parent = n % 2 === 0 ? undefined : this.place(n >> 1)
    const folder = parent ?? 'msgfolderroot'
    const { id } = await this.#tenant.control.createFolder({
      ...{ user: this.user, folder, name, hidden },
    })
    this.#made.push(id as GraphId)
    this.#folder(id as GraphId).set(this.#now(), { name, parent })
  }

  async #renameFolder({ folder: n }: Happening & { step: 'rename-folder' }): Promise<void> {
    const [id, state] = this.#madeFolder(n)
    if (!id || !state) return
    this.#serial += 1
    const name = `Renamed ${this.#serial}`
    await this.#tenant.control.renameFolder({ user: this.user, folder: id, name })
    this.#folder(id).set(this.#now(), { ...state, name })
  }

  async #moveFolder({ folder: n, parent: m }: Happening & { step: 'move-folder' }): Promise<void> {
    const [id, state] = this.#madeFolder(n)
    const parent = m % 2 === 0 ? undefined : this.place(m >> 1)
    if (!id || !state || (parent && this.#isInside(parent, id))) return
    const target = parent ?? 'msgfolderroot'
    await this.#tenant.control.moveFolder({ user: this.user, folder: id, target })
    this.#folder(id).set(this.#now(), { ...state, parent })
  }

  #isInside(folder: GraphId, above: GraphId): boolean {
    for (let at: GraphId | undefined = folder; at; at = this.folders.get(at)?.now?.parent) {
      if (at === above) return true
    }
    return false
  }

  async #deleteFolder({ folder: n }: Happening & { step: 'delete-folder' }): Promise<void> {
    const [id] = this.#madeFolder(n)
    if (!id) return
    await this.#tenant.control.deleteFolder({ user: this.user, folder: id })
    const gone = this.#made.filter((folder) => this.#isInside(folder, id))
    for (const message of this.present()) {
      const folder = this.#message(message).now?.folder
      if (!folder || !gone.includes(folder)) continue
      this.#message(message).set(this.#now(), undefined)
      this.#recoverable.push(message)
    }
    for (const folder of gone) this.#folder(folder).set(this.#now(), undefined)
    this.#made = this.#made.filter((folder) => !gone.includes(folder))
  }

  #madeFolder(n: number): [GraphId | undefined, FolderState | undefined] {
    const id = this.#made[n % Math.max(1, this.#made.length)]
    return [id, id && this.#folder(id).now]
  }
}

/** Long ones make packs that hold only a few. */
function textOf(token: string, isLong: boolean): string {
  return isLong ? `${token} ${'and so on '.repeat(60)}` : token
}
