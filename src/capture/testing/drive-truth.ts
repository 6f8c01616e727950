/** What vault and tables say of scripted drives: paths and contents, as a plain model has them. */
import assert from 'node:assert/strict'
import type { Listed } from '../../catalogue/types.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import { driveOf, type ScriptedDrive } from './scripted-drive.ts'
import type { World } from './world.ts'

export type DriveWorld = World<ScriptedDrive>

/** `path#id` of every file and folder, with the content of files. */
export type Tree = Record<string, string>

export function treeOf(box: ScriptedDrive): Tree {
  const tree: Tree = Object.fromEntries([...box.drives.keys()].map((id) => [id, 'drive']))
  const pathOf = (id: GraphId): string => {
    const node = box.nodes.get(id)
    return node ? `${pathOf(node.parent)}/${node.name}` : id
  }
  for (const [id, { content }] of box.nodes) tree[`${pathOf(id)}#${id}`] = content ?? 'folder'
  return tree
}

/** What is held now, without what has left. */
export async function heldTree(world: DriveWorld): Promise<Tree> {
  const folders = await listOf(world, CONTAINERS)
  const all = new Map(folders.map((folder) => [folder.item, folder]))
  const pathOf = (id: GraphId): string => {
    const folder = all.get(id)
    if (!folder || world.hasLeft(id)) return `in a folder that is not there (${id})`
    const { parent, name } = folder.display
    return parent === undefined ? id : `${pathOf(parent)}/${name}`
  }
  const tree: Tree = {}
  for (const { item } of folders) {
    if (driveOf(item) === item) {
      if (!world.hasLeft(item)) tree[item] = 'drive'
    } else if (!world.hasLeft(item)) tree[`${pathOf(item)}#${item}`] = 'folder'
    for (const file of await listOf(world, item)) {
      if (world.hasLeft(file.item)) continue
      const path = `${pathOf(item)}/${file.display.name}#${file.item}`
      assert.equal(tree[path], undefined, 'a file stands in one place')
      tree[path] = await contentOf(world, file.item)
    }
  }
  return tree
}

/** Everything that any list has, also of folders that are gone. */
export async function listedOf(
  world: DriveWorld,
  containers: readonly GraphId[],
): Promise<GraphId[]> {
  const lists = await Promise.all(containers.map((container) => listOf(world, container)))
  return lists.flat().map(({ item }) => item)
}

async function listOf({ tables, signal }: DriveWorld, container: GraphId): Promise<Listed[]> {
  const head = await tables.head(signal)
  if (!head) return []
  const found: Listed[] = []
  let continuation: string | undefined
  do {
    const query = { max: 1000, ...(continuation !== undefined && { continuation }) }
    const page = await tables.list(container, head.seq, query, signal)
    found.push(...page.items)
    continuation = page.continuation
  } while (continuation !== undefined)
  return found
}

async function contentOf({ tables, reader, signal }: DriveWorld, item: GraphId): Promise<string> {
  const head = await tables.head(signal)
  const held = (await tables.current([item], head?.seq ?? 0, signal)).get(item)
  const content = held?.representations.find(({ name }) => name === 'content')
  assert.ok(content, 'a held file has its content')
  return new TextDecoder().decode(await reader.readAll(content, 1_000_000, signal))
}
