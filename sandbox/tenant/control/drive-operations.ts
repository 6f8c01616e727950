/** Control operations that do what people do to files and folders. One operation, one transaction. */
import { z } from 'zod'
import { digestLongGenerated } from '../content/generated-bytes.ts'
import { mimeTypeOf } from '../content/mime-types.ts'
import type { Actor, Content, DriveItem, GeneratedContent } from '../drive-model.ts'
import type { FileContent } from '../state/drive-items.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { defined } from './defined.ts'
import { driveNamed, itemNamed } from './drive-names.ts'
import { ControlError, operation } from './operation.ts'
import { userNamed } from './user-operations.ts'

const FILE_BYTES_MAX = 250 * 2 ** 30

export const ItemRef = { drive: z.string(), item: z.string() }
const Place = { drive: z.string(), path: z.string() }
const Time = z.iso.datetime().optional()

const Generated = z.strictObject({
  seed: z.number().int().min(0),
  size: z.number().int().min(0).max(FILE_BYTES_MAX),
  kind: z.enum(['binary', 'text']).default('binary'),
})

export const FileInput = z
  .strictObject({
    ...Place,
    base64: z.base64().optional(),
    text: z.string().optional(),
    /** Bytes that are made whenever somebody reads them: a file of any size costs nothing. */
    generated: Generated.optional(),
    mimeType: z.string().optional(),
    /** What SharePoint shows of it where that differs; a null hash: it shows none. */
    shownHash: z.string().nullable().optional(),
    shownSize: z.number().int().min(0).optional(),
    created: Time,
    modified: Time,
    by: z.string().optional(),
  })
  .refine(
    ({ base64, text, generated }) =>
      [base64, text, generated].filter((each) => each !== undefined).length <= 1,
    'one content at most',
  )

/** Whole seconds: SharePoint keeps no more. */
export function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Math.floor(Date.parse(time) / 1_000) * 1_000
}

export function actorNamed(state: TenantState, name: string | undefined): Actor | undefined {
  if (name === undefined) return undefined
  const { id, profile } = userNamed(state, name)
  return { id, displayName: profile.displayName, kind: 'user' }
}

function contentOf(
  state: TenantState,
  input: {
    base64?: string | undefined
    text?: string | undefined
    generated?: GeneratedContent | undefined
  },
): Content {
  if (input.generated) return state.contents.generated(input.generated)
  const { base64, text = '' } = input
  return state.contents.fromBytes(
    base64 === undefined ? Buffer.from(text) : Buffer.from(base64, 'base64'),
  )
}

/** Folder and last name of a path; folders that are missing are made. */
export function folderFor(
  state: TenantState,
  driveName: string,
  path: string,
): { parent: DriveItem; name: string } {
  const drive = driveNamed(state, driveName)
  const parts = path.split('/').filter((part) => part !== '')
  const name = parts.pop()
  if (name === undefined) throw new ControlError('the path is empty')
  const root = state.items.byPk(drive.root)
  const parent = parts.reduce(
    (at, part) =>
      state.items.childNamed(at, part) ??
      state.items.createFolder(at, { name: part }, state.nowMs()),
    root,
  )
  return { parent, name }
}

/** `except`: the item that may have the name already. */
function checkFree(state: TenantState, parent: DriveItem, name: string, except?: DriveItem): void {
  const there = state.items.childNamed(parent, name)
  if (there && there.pk !== except?.pk) throw new ControlError(`there is a ${name} already`)
}

function checkOutside(state: TenantState, item: DriveItem, folder: DriveItem): void {
  const above = [folder, ...state.items.ancestors(folder)]
  if (above.some(({ pk }) => pk === item.pk)) throw new ControlError('a folder cannot be in itself')
}

function told({ id, eTag, version }: DriveItem) {
  return { id, eTag, version }
}

function putFile(state: TenantState, input: z.output<typeof FileInput>): DriveItem {
  const { parent, name } = folderFor(state, input.drive, input.path)
  const there = state.items.childNamed(parent, name)
  if (there && there.kind !== 'file') throw new ControlError(`${name} is no file`)
  const file: FileContent = {
    content: contentOf(state, input),
    mimeType: input.mimeType ?? mimeTypeOf(name),
    ...defined({ shownHash: input.shownHash, shownSize: input.shownSize }),
  }
  const nowMs = state.nowMs()
  const by = defined({ by: actorNamed(state, input.by) })
  const modified = defined({ fsModifiedMs: secondsOf(input.modified) })
  if (there) return state.items.replaceContent(there, file, { nowMs, ...by, ...modified })
  const created = defined({ fsCreatedMs: secondsOf(input.created) })
  return state.items.createFile(parent, { name, ...created, ...modified, ...by }, file, nowMs)
}

function filing(state: TenantState) {
  return {
    /** Makes the file, or a new version of the one that is there. */
    putFile: operation(FileInput, async (input) => {
      if (input.generated) await digestLongGenerated(input.generated)
      return state.db.transaction(() => told(putFile(state, input)))
    }),
    /** `notebook`: a package of OneNote, which is a folder as well. */
    makeFolder: operation(
      z.strictObject({ ...Place, notebook: z.boolean().default(false) }),
      ({ drive, path, notebook }) =>
        state.db.transaction(() => {
          const { parent, name } = folderFor(state, drive, path)
          checkFree(state, parent, name)
          const kind = notebook ? 'notebook' : 'folder'
          return told(state.items.createFolder(parent, { name }, state.nowMs(), kind))
        }),
    ),
    /** A pointer to an item of another drive. */
    makeShortcut: operation(
      z.strictObject({ ...Place, target: z.strictObject(ItemRef) }),
      ({ drive, path, target }) =>
        state.db.transaction(() => {
          const { parent, name } = folderFor(state, drive, path)
          checkFree(state, parent, name)
          const itsDrive = driveNamed(state, target.drive)
          const item = itemNamed(state, itsDrive, target.item)
          const remote = {
            driveId: itsDrive.id,
            itemId: item.id,
            siteId: state.sites.byPk(itsDrive.site).id,
            name: item.name,
            isFolder: item.kind !== 'file',
          }
          return told(state.items.createShortcut(parent, { name }, remote, state.nowMs()))
        }),
    ),
  }
}

function changing(state: TenantState) {
  const change = <T>(
    ref: { drive: string; item: string },
    work: (item: DriveItem, nowMs: number) => T,
  ): T =>
    state.db.transaction(() =>
      work(itemNamed(state, driveNamed(state, ref.drive), ref.item), state.nowMs()),
    )
  return {
    renameItem: operation(
      z.strictObject({ ...ItemRef, name: z.string().min(1), by: z.string().optional() }),
      ({ name, by, ...ref }) =>
        change(ref, (item, nowMs) => {
          if (item.parent === null) throw new ControlError('the root cannot be renamed')
          checkFree(state, state.items.byPk(item.parent), name, item)
          const how = { nowMs, ...defined({ by: actorNamed(state, by) }) }
          return told(state.items.update(item, { name }, how))
        }),
    ),
    /** `target`: a folder of the same drive; empty: its root. */
    moveItem: operation(
      z.strictObject({ ...ItemRef, target: z.string(), name: z.string().min(1).optional() }),
      ({ target, name, ...ref }) =>
        change(ref, (item, nowMs) => {
          const parent = itemNamed(state, driveNamed(state, ref.drive), target)
          checkOutside(state, item, parent)
          checkFree(state, parent, name ?? item.name, item)
          return told(state.items.update(item, { parent, ...defined({ name }) }, { nowMs }))
        }),
    ),
    /** Into the recycle bin, which nobody can look into here. */
    deleteItem: operation(z.strictObject(ItemRef), (ref) =>
      change(ref, (item) => {
        if (item.kind === 'root') throw new ControlError('the root cannot be deleted')
        state.items.remove(item, { tellAll: state.settings.deletedDescendants })
        return {}
      }),
    ),
    /** From the recycle bin, by its id, to where it was; a folder with all that went with it. */
    restoreItem: operation(z.strictObject(ItemRef), ({ drive: name, item: id }) =>
      state.db.transaction(() => {
        const item = state.items.discarded(driveNamed(state, name).pk, id)
        if (!item || item.parent === null) throw new ControlError(`there is no ${id} in the bin`)
        const parent = state.items.byPk(item.parent)
        if (parent.deleted) throw new ControlError('its folder is gone')
        checkFree(state, parent, item.name)
        return told(state.items.restore(item, { tellAll: state.settings.deletedDescendants }))
      }),
    ),
    /** What a client says of the file's times: another version, as the real service makes it. */
    setItemDates: operation(
      z.strictObject({ ...ItemRef, created: Time, modified: Time }),
      ({ created, modified, ...ref }) =>
        change(ref, (item, nowMs) => {
          const times = defined({
            fsCreatedMs: secondsOf(created),
            fsModifiedMs: secondsOf(modified),
          })
          const changed = state.items.update(item, times, { nowMs })
          return told(changed.kind === 'file' ? state.items.repeatVersion(changed) : changed)
        }),
    ),
    /** `malware` null: clean again. */
    flagMalware: operation(
      z.strictObject({ ...ItemRef, malware: z.string().min(1).nullable() }),
      ({ malware, ...ref }) =>
        change(ref, (item, nowMs) => told(state.items.update(item, { malware }, { nowMs }))),
    ),
  }
}

export function driveOperations(state: TenantState) {
  return { ...filing(state), ...changing(state) }
}
