/**
 * A drive that people and others change, and a backup that takes a recovery point of it when told.
 */
import { graphId, iso } from '../../catalogue/testing/fixtures.ts'
import { invariant } from '../../model/errors.ts'
import type { PastPlace, PutEvent, StreamEvent } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import { type DriveWorld, LIBRARY, makeDriveWorld } from './drive-world.ts'
import type { TargetFile } from './scripted-drive.ts'

interface Known {
  event: PutEvent
  seq: number
}

export class DriveStory {
  readonly world: DriveWorld
  readonly #known = new Map<GraphId, Known>()
  #seq = 0

  private constructor(world: DriveWorld) {
    this.world = world
  }

  static async begin(): Promise<DriveStory> {
    return new DriveStory(await makeDriveWorld())
  }

  /** A folder of the library. */
  folder(id: string, name = id, parent: GraphId = LIBRARY): GraphId {
    this.world.drive.folders.push({ id: graphId(id), name, parent, pathLength: 20 })
    return graphId(id)
  }

  dropFolder(id: GraphId): void {
    const { folders, files } = this.world.drive
    folders.splice(
      folders.findIndex((folder) => folder.id === id),
      1,
    )
    for (const file of files.filter(({ container }) => container === id)) this.drop(file.id)
  }

  add(id: string, name: string, text: string, container: GraphId = LIBRARY): void {
    this.world.stand(id, container, name, text)
  }

  /** The service counts a change of it. */
  change(id: string, to: Partial<Pick<TargetFile, 'name' | 'text' | 'container'>>): void {
    const file = this.world.drive.files.find((one) => one.id === id)
    invariant(file !== undefined, 'the file is there')
    Object.assign(file, { ...to, revision: file.revision + 1 })
  }

  drop(id: string): void {
    const { files } = this.world.drive
    const at = files.findIndex((one) => one.id === id)
    invariant(at >= 0, 'the file is there')
    files.splice(at, 1)
  }

  /** A recovery point of the drive as it is; gives its seq. */
  async point(): Promise<number> {
    const { folders, files } = this.world.drive
    const seq = this.#seq + 1
    const there = [
      ...folders.map(({ id, name, parent }) => this.world.folder(id, name, parent)),
      ...files.map((file) => this.world.file(file.id, file.container, file.name, file.text)),
    ]
    const events = there.flatMap((event) => this.#put(event, seq))
    const standing = new Set(there.map(({ item }) => item))
    for (const [item, known] of this.#known) {
      if (standing.has(item)) continue
      const { kind } = known.event
      const leftAt = iso((seq - 1) * 60_000 + 30_000)
      events.push({ op: 'deleted', kind, item, leaves: placeOf(known), leftAt })
      this.#known.delete(item)
    }
    this.#seq = await this.world.commit(events)
    return this.#seq
  }

  #put(event: PutEvent, seq: number): StreamEvent[] {
    const known = this.#known.get(event.item)
    if (known && JSON.stringify(known.event) === JSON.stringify(event)) return []
    this.#known.set(event.item, { event, seq })
    return [known ? { ...event, why: 'content', leaves: placeOf(known) } : event]
  }
}

function placeOf({ event, seq }: Known): PastPlace {
  return { ...event.place, from: seq }
}
