/**
 * What can go wrong in a tenant beside single answers (those are `faults.ts`): it lags, keeps
 * quiet, repeats itself, forgets its links. In memory; all of it off until a setting or an
 * operation turns it on.
 */
import { stableNumber } from '../ids.ts'
import type { Folder, Message, MessageContent } from '../model.ts'
import type { MessageWatch } from '../state/messages.ts'
import type { TenantSettings } from '../state/settings.ts'
import { DriveTrouble } from './drive-trouble.ts'
import { EndlessLinks } from './endless-links.ts'
import { LinkBook } from './link-book.ts'
import { RecentPast } from './recent-past.ts'
import { SilentChanges } from './silent-changes.ts'
import { Unrenderable } from './unrenderable.ts'

const CHANCE_STEPS = 2 ** 31

export class Trouble implements MessageWatch {
  readonly past: RecentPast<Message>
  readonly loops = new EndlessLinks()
  readonly unrenderable = new Unrenderable()
  readonly links: LinkBook
  readonly drives: DriveTrouble
  readonly #settings: TenantSettings
  readonly #silent = new SilentChanges()
  readonly #folderLags = new Map<number, number>()
  /** Items that vanished already: once is enough, also in the folder they went to. */
  readonly #vanished = new Set<string>()

  constructor(options: {
    readonly settings: TenantSettings
    readonly lastSeq: () => number
    readonly nowMs: () => number
  }) {
    this.#settings = options.settings
    this.past = new RecentPast({ ...options, placeOf: ({ folder }) => folder })
    this.drives = new DriveTrouble(options)
    this.links = new LinkBook(options)
    this.settingsChanged()
  }

  /** To be called after each change of the settings. */
  settingsChanged(): void {
    const { deltaLagMs, filterLagMs, replays } = this.#settings
    const lagMaxMs = Math.max(deltaLagMs, filterLagMs, ...this.#folderLags.values())
    this.past.watch(lagMaxMs > 0 || replays > 0, lagMaxMs)
    this.drives.past.watch(deltaLagMs > 0, deltaLagMs)
  }

  /** All that there is now counts as long since seen. */
  startHere(): void {
    this.past.startHere()
    this.drives.past.startHere()
  }

  /** A transaction has been committed. */
  committed(seq: number): void {
    this.past.committed(seq)
    this.drives.past.committed(seq)
  }

  /** `lagMs` null: as the setting says. */
  setFolderLag(folder: Folder, lagMs: number | null): void {
    if (lagMs === null) this.#folderLags.delete(folder.pk)
    else this.#folderLags.set(folder.pk, lagMs)
    this.settingsChanged()
  }

  /** The newest seq that the delta of this folder knows of. */
  horizon(folder: Folder): number {
    return this.past.horizon(this.#folderLags.get(folder.pk) ?? this.#settings.deltaLagMs)
  }

  /** Draws with the probability `rate`; the same parts give the same answer under one seed. */
  happens(rate: number, ...parts: readonly (string | number)[]): boolean {
    if (rate <= 0) return false
    return stableNumber('trouble', this.#settings.seed, ...parts) < rate * CHANCE_STEPS
  }

  hides(message: Message, position: number): boolean {
    return this.#silent.hides(message, position)
  }

  /** Whether a message that was just listed goes away now; true once for each. */
  vanishes({ immutableId }: Message): boolean {
    const { vanishing } = this.#settings
    if (!this.happens(vanishing, 'vanish', immutableId)) return false
    if (this.#vanished.has(immutableId)) return false
    this.#vanished.add(immutableId)
    return true
  }

  created(message: Message): void {
    this.past.created(message)
  }

  changing(before: Message): void {
    this.past.changing(before)
  }

  updated(before: Message, after: Message, change: Partial<MessageContent>): void {
    if (!SilentChanges.isDecoration(change)) return
    const { silentChanges } = this.#settings
    if (this.happens(silentChanges, 'silent', after.immutableId, after.seq)) {
      this.#silent.add(before, after)
    }
  }
}
