/** What the independent reader finds in a golden vault, in the words of its `expected.json`. */
import type { KeyObject } from 'node:crypto'
import { invariant } from '../../src/model/errors.ts'
import { type Expected, type ExpectedItem, jsonHash, type Shown, sha256 } from './expected.ts'
import {
  type Commit,
  type Event,
  type Representation,
  type Stream,
  VaultReader,
} from './independent-reader.ts'

export interface Independent {
  reader: VaultReader
  stream: Stream
  first: Commit
  shown(seq: number, from: 'base' | 'commits'): Shown
}

/** `trusted`: where the beginning of the chain is not there any more. */
export function openIndependent(
  { folder, expected, key }: { folder: string; expected: Expected; key: KeyObject },
  trusted?: { seq: number; sha256: string },
): Independent {
  const reader = new VaultReader(folder, key)
  const stream = reader.stream(`${expected.owner.id}/${expected.workload}`, trusted)
  const [first] = stream.commits
  invariant(first, 'a golden vault has commits')
  const hashes = new Map<string, string>()

  function hashOf(of: Representation): [string, string] {
    const known = hashes.get(of.sha256)
    if (known !== undefined) return [of.name, known]
    const plain = reader.content(first as Commit, of)
    const hash = of.name === 'json' ? jsonHash(JSON.parse(String(plain)).json) : sha256(plain)
    hashes.set(of.sha256, hash)
    return [of.name, hash]
  }

  function itemOf({ kind, place, display, representations = [] }: Event): ExpectedItem {
    invariant(place && display, 'an item stands somewhere and has a name')
    const { container } = place
    const found = Object.fromEntries(representations.map(hashOf))
    return { kind, container, name: display.name, representations: found }
  }

  function shown(seq: number, from: 'base' | 'commits'): Shown {
    const { items, entries } = reader.state(stream, seq, from)
    const open = [...entries.values()]
    const left = open.filter(({ op }) => op === 'left').map(({ item }) => item)
    const unread = open.filter(({ op }) => op === 'ledger')
    return {
      items: Object.fromEntries([...items].map(([id, item]) => [id, itemOf(item)])),
      left: left.sort(),
      ledger: Object.fromEntries(unread.map(({ item, reason = '' }) => [item, reason])),
    }
  }

  return { reader, stream, first, shown }
}
