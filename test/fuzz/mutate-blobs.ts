/** Damage by who has no key: bytes, fields, clear JSON, and blobs and segments in other places. */
import { sha256Hex } from '../../src/vault/create-once.ts'
import { commitName } from '../../src/vault/names.ts'
import { encodeIndex, TRAILER_BYTES } from '../../src/vault/pack-format.ts'
import { encodeSealedFile, parseSealedFile } from '../../src/vault/sealed-file.ts'
import { STREAMS } from './build.ts'
import {
  blobOf,
  commitIn,
  copyOf,
  drawName,
  type Input,
  inputOf,
  kindOf,
  type Mutate,
  namesOf,
  placed,
} from './input.ts'
import { BYTE_MUTATORS } from './mutate-bytes.ts'
import { mendPack, plantHeaders, spoilIndexFields, spoilPackFields } from './mutate-fields.ts'
import { editedText } from './mutate-json.ts'
import type { Prng } from './prng.ts'
import type { PackTruth, Truth } from './truth.ts'

function drawPack(truth: Truth, prng: Prng): PackTruth {
  return prng.pick([...truth.packs.values()])
}

function changed(truth: Truth, mutator: string, name: string, bytes: Uint8Array): Input {
  return inputOf(mutator, name, [placed(truth, name, bytes)])
}

const ofBytes: [string, Mutate][] = Object.entries(BYTE_MUTATORS).map(([mutator, mutate]) => [
  mutator,
  (truth, prng) => {
    const name = drawName(truth, prng)
    const other = copyOf(truth, prng.pick(namesOf(truth, kindOf(name))))
    const bytes = mutate(copyOf(truth, name), prng, other)
    return changed(truth, mutator, name, bytes)
  },
])

/** JSON of commits, records and format.json; the envelope is a JSON text inside. */
function editClear(truth: Truth, prng: Prng): Input {
  const kind = prng.pick(['commit', 'commit', 'record', 'format'] as const)
  const name = prng.pick(namesOf(truth, kind))
  const whole: unknown = JSON.parse(copyOf(truth, name).toString())
  return changed(truth, 'edit the outer JSON', name, Buffer.from(editedText(whole, prng)))
}

/** In the outer form that readers want: only the seal can tell. */
function editEnvelope(truth: Truth, prng: Prng): Input | undefined {
  const name = prng.pick(namesOf(truth, prng.pick(['commit', 'commit', 'record'] as const)))
  const file = parseSealedFile(copyOf(truth, name))
  if (file === undefined) return undefined
  const envelope = editedText(JSON.parse(file.envelope), prng)
  const bytes = encodeSealedFile({ ...file, envelope })
  return changed(truth, 'edit the envelope', name, bytes)
}

/** A blob that is named by its hash is changed, renamed, and its commit names the new one. */
function renameSide(truth: Truth, prng: Prng): Input | undefined {
  const kind = prng.pick(['part', 'base index', 'base part'] as const)
  const name = prng.pick(namesOf(truth, kind))
  const at = commitIn(name)
  const [, was = ''] = /([0-9a-f]{64})\.\w+$/.exec(name) ?? []
  if (at === undefined) return undefined
  const bytes = prng.pick(Object.values(BYTE_MUTATORS))(
    copyOf(truth, name),
    prng,
    copyOf(truth, name),
  )
  const now = sha256Hex(bytes)
  const commit = commitName(at.stream, at.seq)
  const file = parseSealedFile(copyOf(truth, commit))
  if (file === undefined) return undefined
  const length = new RegExp(`("sha256":"${was}","bytes":)\\d+`)
  const envelope = file.envelope.replace(length, `$1${bytes.length}`).replaceAll(was, now)
  const changes = [
    [name, undefined] as const,
    placed(truth, name.replace(was, now), bytes),
    placed(truth, commit, encodeSealedFile({ ...file, envelope })),
  ]
  return inputOf('rename with its hash', name, changes)
}

/** A pack under the hash of its (perhaps changed) bytes, with an index that says so. */
function renamePack(truth: Truth, prng: Prng): Input | undefined {
  const { name, id, owner, layout } = drawPack(truth, prng)
  const isChanged = prng.oneIn(2)
  const bytes = isChanged
    ? mendPack(
        Buffer.from(
          prng.pick(Object.values(BYTE_MUTATORS))(copyOf(truth, name), prng, new Uint8Array(9)),
        ),
      )
    : copyOf(truth, name)
  const now = isChanged ? sha256Hex(bytes) : sha256Hex(Buffer.from(id))
  const index = encodeIndex({ pack: now as typeof id, header: layout.clear, footer: layout.footer })
  const changes = [
    [name, undefined] as const,
    placed(truth, name.replace(id, now), bytes),
    placed(truth, `idx/${owner}/2026-11/${now}.ix`, index),
  ]
  return inputOf('rename a pack with its index', name, changes)
}

function exchange(truth: Truth, prng: Prng): Input {
  const kind = prng.pick([
    'pack',
    'pack',
    'index',
    'commit',
    'commit',
    'part',
    'base index',
    'base part',
    'record',
  ] as const)
  const names = namesOf(truth, kind)
  const [a, b] = [prng.pick(names), prng.pick(names)]
  const put = (at: string, from: string) => [at, blobOf(truth, from)] as const
  return inputOf('exchange two blobs', `${a} and ${b}`, [put(a, b), put(b, a)])
}

/** The older bytes of the same kind under a newer name, or the other way. */
function replay(truth: Truth, prng: Prng): Input {
  const name = drawName(truth, prng)
  const from = prng.pick(namesOf(truth, kindOf(name)))
  return inputOf('replay another blob', `${from} as ${name}`, [[name, blobOf(truth, from)]])
}

/** Everything of one owner, under the other's names: offsets, seqs and months agree. */
function impersonate(truth: Truth, prng: Prng): Input {
  const [{ owner: a } = { owner: '' }, , { owner: b } = { owner: '' }] = STREAMS
  const [from, to] = prng.oneIn(2) ? [a, b] : [b, a]
  const kinds = prng.pick([
    ['pack'],
    ['commit'],
    ['index', 'commit'],
    ['pack', 'index', 'commit', 'part'],
  ])
  const names = [...truth.blobs.keys()].filter((n) => n.includes(from) && kinds.includes(kindOf(n)))
  const put = names.map((name) => [name.replace(from, to), blobOf(truth, name)] as const)
  return inputOf("put under the other owner's name", `${kinds} of ${from}`, put)
}

function remove(truth: Truth, prng: Prng): Input {
  const name = drawName(truth, prng)
  return inputOf('remove a blob', name, [[name, undefined]])
}

/** Segments exchanged between packs, or within one: where the lengths agree nothing else moves. */
function moveSegments(truth: Truth, prng: Prng): Input {
  const to = drawPack(truth, prng)
  const from = prng.oneIn(3) ? to : drawPack(truth, prng)
  const target = prng.pick(to.layout.segments)
  const source =
    from.layout.segments.find((s) => s.offset === target.offset && prng.oneIn(2)) ??
    prng.pick(from.layout.segments)
  const [bytes, other] = [copyOf(truth, to.name), copyOf(truth, from.name)]
  const length = ({ clear, body }: typeof source) => clear.length + body.length
  const piece = other.subarray(source.offset, source.offset + length(source))
  const after = bytes.subarray(target.offset + length(target))
  const moved = Buffer.concat([bytes.subarray(0, target.offset), piece, after])
  const shift = piece.length - length(target)
  const trailerAt = moved.length - TRAILER_BYTES
  moved.writeBigUInt64BE(BigInt(to.layout.trailer.footerOffset + shift), trailerAt)
  return changed(truth, 'move a segment', to.name, mendPack(moved))
}

/** Bytes at the places after the last commit: one, or more than a commit may pass. */
function garbageCommits(truth: Truth, prng: Prng): Input {
  const stream = prng.pick(STREAMS)
  const last = truth.refs.get(stream)?.at(-1)?.seq ?? 0
  const names = namesOf(truth, 'commit')
  const count = prng.pick([1, 2, 16, 17, 20])
  const changes = Array.from({ length: count }, (_, n) => {
    const bytes = prng.oneIn(2) ? copyOf(truth, prng.pick(names)) : prng.bytes(prng.below(100))
    return placed(truth, commitName(stream, last + 1 + n), bytes)
  })
  return inputOf('garbage after the last commit', `${count} in ${stream.workload}`, changes)
}

const keys = (count: number) => Array.from({ length: count }, (_, n) => `"${n}":0`).join()

/** JSON that no writer writes: as deep, as wide, or as long as it comes. */
function monstrous(truth: Truth, prng: Prng): Input {
  const name = prng.pick(namesOf(truth, prng.pick(['commit', 'record', 'format'] as const)))
  const size = prng.pick([1000, 30_000, 300_000])
  const text = prng.pick([
    '['.repeat(size),
    '{"a":'.repeat(size),
    `{"holdfast":1,"envelope":"${'['.repeat(size)}${']'.repeat(size)}","body":"","inline":{}}`,
    `{"holdfast":1,"envelope":"","body":"${'A'.repeat(4 * size)}","inline":{}}`,
    `{"holdfast":1,"x":[${'{},'.repeat(size)}0]}`,
    `{"holdfast":1,"envelope":"","body":"","inline":{${keys(size)}}}`,
    JSON.stringify({
      holdfast: 1,
      envelope: `{"used":[${'0,'.repeat(size)}0]}`,
      body: '',
      inline: {},
    }),
    `{"holdfast":${'9'.repeat(size)}}`,
    `{"holdfast":${prng.pick(['2', '1e3', '1.5', '-1', '0', '"1"', 'null', '1e999'])}}`,
  ])
  return changed(truth, 'JSON that no writer writes', name, Buffer.from(text))
}

const packFields: Mutate = (truth, prng) => {
  const { name, layout } = drawPack(truth, prng)
  const bytes = spoilPackFields(copyOf(truth, name), layout, prng)
  return changed(truth, 'change fields of a pack', name, bytes)
}

const indexFields: Mutate = (truth, prng) => {
  const name = prng.pick(namesOf(truth, 'index'))
  const bytes = spoilIndexFields(copyOf(truth, name), prng)
  return changed(truth, 'change fields of an index', name, bytes)
}

const headers: Mutate = (truth, prng) => {
  const { name, layout } = drawPack(truth, prng)
  const bytes = plantHeaders(copyOf(truth, name), layout, prng)
  return changed(truth, 'plant headers of segments', name, bytes)
}

/** Each with how often it is drawn. */
export const BLOB_MUTATORS: readonly (readonly [number, Mutate])[] = [
  ...ofBytes.map(([, mutate]) => [4, mutate] as const),
  [12, packFields],
  [6, indexFields],
  [2, headers],
  [6, editClear],
  [8, editEnvelope],
  [6, renameSide],
  [4, renamePack],
  [6, exchange],
  [8, replay],
  [1, impersonate],
  [3, remove],
  [8, moveSegments],
  [2, garbageCommits],
  [1, monstrous],
]
