/**
 * Keeps Stryker from mutating what only people read: the phrase of a check, the message and the
 * hint of an error. What they say is no promise; that, when and with which code they are thrown is,
 * and everything else of a throw is mutated.
 */
import type { Ignorer } from '@stryker-mutator/api/ignore'

/** What is needed of the syntax tree: Babel's, with one node for each path. */
interface Node {
  type: string
  name?: string
  callee?: Node
  key?: Node
  arguments?: Node[]
}

interface Path {
  node: Node
  parent?: Node
  parentPath?: Path | null
}

/** Where the phrase stands in a call of these; `refusal` is the expirer's. */
const PHRASE_AT: Readonly<Record<string, number>> = {
  invariant: 1,
  check: 2,
  damage: 1,
  refusal: 1,
}

export const ignorePhrases: Ignorer = {
  shouldIgnore(path) {
    const { node, parent, parentPath } = path as Path
    if (parent?.type === 'CallExpression' && parent.callee?.type === 'Identifier') {
      const at = PHRASE_AT[parent.callee.name ?? '']
      if (at !== undefined && parent.arguments?.[at] === node) return 'the phrase of a check'
    }
    if (node.type !== 'ObjectProperty' || !/^(message|hint)$/.test(node.key?.name ?? '')) return
    const call = parentPath?.parent
    if (call?.type !== 'NewExpression' || call.callee?.name !== 'AppError') return
    return 'a text of an error'
  },
}
