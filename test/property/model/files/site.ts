/**
 * The site of the story, with its libraries: what people do in it goes to the tenant and, in the
 * same moment, into the plain model, which knows what stood where with which bytes at every time.
 * At the end of a story the model is held against the tenant's own state, so that neither can be
 * wrong alone.
 */
import type { GraphId } from '../../../../src/model/ids.ts'
import type { Service } from '../source.ts'
import { present, type Timeline, timelineOf } from '../timeline.ts'
import type { FolderState } from '../verdict.ts'
import { sha256 } from '../world.ts'
import { bytesOf, type Content, edited, newContent } from './contents.ts'
import type { Edit, Happening, Touch } from './doings.ts'

const FILES_MAX = 20
const FOLDERS_MAX = 9
const LIBRARIES_MAX = 3

export interface FileState {
  /** A folder, or the library itself. */
  readonly folder: GraphId
  readonly name: string
  readonly content: Content
  /** Of its bytes. */
  readonly sha256: string
  /** False: the service shows no hash of it, and then knows its content by the ETag alone. */
  readonly hasHash: boolean
}

/** What was deleted by one deletion, as it was then. */
interface Discarded {
  readonly top: GraphId
  readonly at: number
  readonly files: ReadonlyMap<GraphId, FileState>
  readonly folders: ReadonlyMap<GraphId, FolderState>
}

type Of<S extends Happening['step']> = Extract<Happening, { step: S }>

export class FileSite {
  readonly files = new Map<GraphId, Timeline<FileState>>()
  /** The libraries too, which stand in nothing. */
  readonly folders = new Map<GraphId, Timeline<FolderState>>()
  readonly id: GraphId
  readonly #service: Service
  /** Whose content was read last over several slices. */
  #long: GraphId | undefined
  /** What happens to such a file when so many more pieces of it were read, one after the other. */
  #touches: Pick<Of<'touch'>, 'how' | 'piece'>[] = []
  /** The first one stays. */
  #libraries: GraphId[] = []
  #bin: Discarded[] = []
  #serial = 0

  private constructor(service: Service, id: GraphId) {
    this.#service = service
    this.id = id
  }

  static async open(service: Service): Promise<FileSite> {
    const { id, drive } = await service.tenant.control.createSite({ path: '/sites/desk' })
    const site = new FileSite(service, id as GraphId)
    site.#addLibrary(drive as GraphId, 'Documents')
    return site
  }

  get #control() {
    return this.#service.tenant.control
  }

  get libraries(): readonly GraphId[] {
    return this.#libraries
  }

  /** Whether what happens is possible now decides whether it happens; numbers choose in turn. */
  async happen(what: Happening): Promise<void> {
    switch (what.step) {
      case 'arrive':
        return await this.#arrive(what)
      case 'edit':
        return await this.#edit(this.chosen(what.file), what.how)
      case 'touch':
        if (what.piece === 0) return await this.#touch(what.how)
        return void this.#touches.push(what)
      case 'rename':
        return await this.#rename(this.chosen(what.file))
      case 'date':
        return await this.#date(this.chosen(what.file))
      case 'swap':
        return await this.#swap(what.file)
      case 'move':
        return await this.#move(what)
      case 'delete':
        return await this.#delete(this.chosen(what.file))
      case 'restore':
        return await this.#restore(what.bin)
      case 'make-folder':
        return await this.#makeFolder(what)
      case 'rename-folder':
        return await this.#renameFolder(what.folder)
      case 'move-folder':
        return await this.#moveFolder(what)
      case 'delete-folder':
        return await this.#delete(this.#madeFolder(what.folder))
      case 'make-library':
        return await this.#makeLibrary()
      case 'rename-library':
        return await this.#renameLibrary(what.library)
      case 'delete-library':
        return await this.#deleteLibrary(what.library)
    }
  }

  /** Files that are there. */
  present(): ReadonlyMap<GraphId, FileState> {
    return present(this.files)
  }

  /** Undefined where there is no file. */
  chosen(n: number): GraphId | undefined {
    return at([...this.present().keys()], n)
  }

  /** Passes pieces of content that is read over several slices; between two of them it changes. */
  async *passing<T>(file: GraphId, pieces: AsyncIterable<T>): AsyncGenerator<T> {
    this.#long = file
    for await (const piece of pieces) {
      await this.#touchNow()
      yield piece
    }
  }

  async #touchNow(): Promise<void> {
    const [next, ...later] = this.#touches
    if (!next) return
    const { how, piece } = next
    this.#touches = piece > 1 ? [{ how, piece: piece - 1 }, ...later] : later
    if (piece > 1) return
    if (this.#long && this.files.get(this.#long)?.now) {
      this.#service.notes.count('a file is touched between two pieces of it')
    }
    await this.#touch(how)
  }

  /** What was to happen amid such content does not any more. */
  leaveLong(): void {
    this.#touches = []
  }

  #next(): number {
    this.#serial += 1
    return this.#serial
  }

  #setFile(id: GraphId, state: FileState | undefined): void {
    timelineOf(this.files, id).set(this.#service.now(), state)
  }

  #setFolder(id: GraphId, state: FolderState | undefined): void {
    timelineOf(this.folders, id).set(this.#service.now(), state)
  }

  /** Libraries and folders; `within`: of this library. */
  #places(within?: GraphId): GraphId[] {
    const all = [...present(this.folders).keys()]
    return within === undefined ? all : all.filter((id) => libraryOf(id) === within)
  }

  #madeFolder(n: number): GraphId | undefined {
    const made = this.#places().filter((id) => !this.#libraries.includes(id))
    return at(made, n)
  }

  #isFree(folder: GraphId, name: string): boolean {
    const names = [
      ...[...this.present().values()].filter((file) => file.folder === folder),
      ...[...present(this.folders).values()].filter(({ parent }) => parent === folder),
    ]
    return !names.some((taken) => taken.name.toLowerCase() === name.toLowerCase())
  }

  /** From the library's root; empty: the root itself. */
  #pathOf(folder: GraphId): string {
    const state = this.folders.get(folder)?.now
    if (!state?.parent) return ''
    const above = this.#pathOf(state.parent)
    return above === '' ? state.name : `${above}/${state.name}`
  }

  async #put(known: GraphId | undefined, state: Omit<FileState, 'sha256'>): Promise<void> {
    const { folder, name, content, hasHash } = state
    const bytes = bytesOf(content)
    const drive = libraryOf(folder)
    const above = this.#pathOf(folder)
    const { id } = await this.#control.putFile({
      ...{ drive, path: above === '' ? name : `${above}/${name}` },
      base64: bytes.toString('base64'),
      ...(hasHash ? {} : { shownHash: null }),
    })
    const file = known ?? idIn(drive, id)
    this.#setFile(file, { ...state, sha256: sha256(bytes) })
  }

  async #arrive({ folder: n, size, hasHash, again }: Of<'arrive'>): Promise<void> {
    const folder = at(this.#places(), n)
    if (!folder || this.present().size >= FILES_MAX) return
    const serial = this.#next()
    const name = again ? this.#lastNameIn(folder) : undefined
    await this.#put(undefined, {
      ...{ folder, hasHash, content: newContent(size, serial) },
      name: name !== undefined && this.#isFree(folder, name) ? name : `file ${serial}.dat`,
    })
  }

  #lastNameIn(folder: GraphId): string | undefined {
    const discarded = this.#bin.flatMap(({ files }) => [...files.values()])
    return discarded.findLast((state) => state.folder === folder)?.name
  }

  /** Other bytes from now on, under the same name. */
  async #edit(id: GraphId | undefined, how: Edit): Promise<void> {
    const state = id && this.files.get(id)?.now
    if (!id || !state) return
    await this.#put(id, { ...state, content: edited(state.content, how, this.#next()) })
  }

  async #touch(how: Touch): Promise<void> {
    const id = this.#long && this.files.get(this.#long)?.now ? this.#long : undefined
    switch (how) {
      case 'date':
        return await this.#date(id)
      case 'delete':
        return await this.#delete(id)
      case 'rename':
        return await this.#rename(id)
      default:
        return await this.#edit(id, how)
    }
  }

  async #rename(id: GraphId | undefined): Promise<void> {
    if (id) await this.#nameIt(id, `renamed ${this.#next()}.dat`)
  }

  async #nameIt(id: GraphId, name: string): Promise<void> {
    const state = this.files.get(id)?.now
    if (!state) return
    await this.#control.renameItem({ ...refOf(id), name })
    this.#setFile(id, { ...state, name })
  }

  async #date(id: GraphId | undefined): Promise<void> {
    if (!id) return
    const modified = new Date(this.#service.now() - this.#next() * 1000).toISOString()
    await this.#control.setItemDates({ ...refOf(id), modified })
  }

  async #swap(n: number): Promise<void> {
    const id = this.chosen(n)
    const state = id && this.files.get(id)?.now
    if (!id || !state) return
    const [other] = [...this.present()].filter(
      ([one, { folder }]) => one !== id && folder === state.folder,
    )
    if (!other) return
    const [otherId, { name }] = other
    await this.#nameIt(otherId, `aside ${this.#next()}.dat`)
    await this.#nameIt(id, name)
    await this.#nameIt(otherId, state.name)
  }

  async #move({ file, folder: n }: Of<'move'>): Promise<void> {
    const id = this.chosen(file)
    const state = id && this.files.get(id)?.now
    if (!id || !state) return
    const folder = at(this.#places(libraryOf(id)), n)
    if (!folder || folder === state.folder || !this.#isFree(folder, state.name)) return
    await this.#control.moveItem({ ...refOf(id), target: itemOf(folder) })
    this.#setFile(id, { ...state, folder })
  }

  /** With all that is in it. */
  async #delete(id: GraphId | undefined): Promise<void> {
    if (!id) return
    await this.#control.deleteItem(refOf(id))
    this.#bin.push({ top: id, at: this.#service.now(), ...this.#takeAway(id) })
  }

  #takeAway(top: GraphId): Pick<Discarded, 'files' | 'folders'> {
    const folders = [...present(this.folders)].filter(([id]) => this.#isInside(id, top))
    const files = [...this.present()].filter(
      ([id, { folder }]) => id === top || this.#isInside(folder, top),
    )
    for (const [id] of folders) this.#setFolder(id, undefined)
    for (const [id] of files) this.#setFile(id, undefined)
    return { files: new Map(files), folders: new Map(folders) }
  }

  #isInside(folder: GraphId, above: GraphId): boolean {
    for (let one: GraphId | undefined = folder; one; one = this.folders.get(one)?.now?.parent) {
      if (one === above) return true
    }
    return false
  }

  async #restore(n: number): Promise<void> {
    const found = at(this.#bin, n)
    if (!found) return
    const { top, files, folders } = found
    const state = files.get(top) ?? folders.get(top)
    const above = files.get(top)?.folder ?? folders.get(top)?.parent
    if (!state || !above || !this.folders.get(above)?.now) return
    if (!this.#isFree(above, state.name)) return
    await this.#bringBack(found)
    this.#bin = this.#bin.filter((one) => one !== found)
    for (const [id, folder] of folders) this.#setFolder(id, folder)
    for (const [id, file] of files) this.#setFile(id, file)
  }

  /**
   * Of a folder that comes back the service may tell the folder alone. What was in it is found only
   * where it was known before: by what was never told, nobody could see that it is missing.
   */
  async #bringBack({ top, at: until, files, folders }: Discarded): Promise<void> {
    const born = [
      ...[...files.keys()].map((id) => this.files.get(id)?.born),
      ...[...folders.keys()].map((id) => this.folders.get(id)?.born),
    ]
    const isKnown = born.every((from = until) => this.#service.notes.wasSeen(from, until))
    const { deletedDescendants } = await this.#control.settings({})
    if (!isKnown) await this.#control.settings({ deletedDescendants: true })
    await this.#control.restoreItem(refOf(top))
    await this.#control.settings({ deletedDescendants })
  }

  async #makeFolder({ parent: n }: Of<'make-folder'>): Promise<void> {
    const places = this.#places()
    const parent = at(places, n)
    if (!parent || places.length >= FOLDERS_MAX) return
    const name = `Folder ${this.#next()}`
    const above = this.#pathOf(parent)
    const path = above === '' ? name : `${above}/${name}`
    const drive = libraryOf(parent)
    const { id } = await this.#control.makeFolder({ drive, path })
    this.#setFolder(idIn(drive, id), { name, parent })
  }

  async #renameFolder(n: number): Promise<void> {
    const id = this.#madeFolder(n)
    const state = id && this.folders.get(id)?.now
    if (!id || !state) return
    const name = `Renamed ${this.#next()}`
    await this.#control.renameItem({ ...refOf(id), name })
    this.#setFolder(id, { ...state, name })
  }

  async #moveFolder({ folder, parent: n }: Of<'move-folder'>): Promise<void> {
    const id = this.#madeFolder(folder)
    const state = id && this.folders.get(id)?.now
    if (!id || !state) return
    const parent = at(this.#places(libraryOf(id)), n)
    if (!parent || this.#isInside(parent, id) || !this.#isFree(parent, state.name)) return
    await this.#control.moveItem({ ...refOf(id), target: itemOf(parent) })
    this.#setFolder(id, { ...state, parent })
  }

  #addLibrary(id: GraphId, name: string): void {
    this.#libraries.push(id)
    this.#setFolder(id, { name, parent: undefined })
  }

  async #makeLibrary(): Promise<void> {
    if (this.#libraries.length >= LIBRARIES_MAX) return
    const name = `Library ${this.#next()}`
    const { id } = await this.#control.createLibrary({ site: this.id, name })
    this.#addLibrary(id as GraphId, name)
  }

  async #renameLibrary(n: number): Promise<void> {
    const id = at(this.#libraries, n)
    const state = id && this.folders.get(id)?.now
    if (!id || !state) return
    const name = `Renamed library ${this.#next()}`
    await this.#control.renameLibrary({ drive: id, name })
    this.#setFolder(id, { ...state, name })
  }

  /** For good, with its recycle bin. */
  async #deleteLibrary(n: number): Promise<void> {
    const id = at(this.#libraries.slice(1), n)
    if (!id) return
    await this.#control.deleteLibrary({ drive: id })
    this.#takeAway(id)
    this.#libraries = this.#libraries.filter((one) => one !== id)
    this.#bin = this.#bin.filter(({ top }) => libraryOf(top) !== id)
  }
}

function at<T>(all: readonly T[], n: number): T | undefined {
  return all[n % Math.max(1, all.length)]
}

/** As the product names what stands in a drive (workloads/drive/ids.ts). */
function idIn(library: GraphId, item: string): GraphId {
  return `${library}/${item}` as GraphId
}

export function libraryOf(id: GraphId): GraphId {
  const [library = ''] = id.split('/')
  return library as GraphId
}

/** The item's own id; empty of a library, which is its root. */
export function itemOf(id: GraphId): string {
  return id.split('/')[1] ?? ''
}

export function refOf(id: GraphId): { drive: string; item: string } {
  return { drive: libraryOf(id), item: itemOf(id) }
}
