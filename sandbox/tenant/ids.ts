/**
 * Ids that look and behave like those of Exchange Online, made from a seed instead of chance.
 *
 * Invariants: same inputs, same id; ids are case-sensitive, 120-152 characters, end in `=`, and
 * about half of them use the standard base64 alphabet, so `/` and `+` occur (a client that does
 * not escape them in a URL breaks here as it would there). A folder's id never changes; a
 * message has a mutable id, new at each move, and an immutable one (facts/graph.md 2.5).
 */
import { hash } from 'node:crypto'

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

const IMMUTABLE_PREFIX = Buffer.from('AAkALgAAAAAAHYQDEapmEc2byACqAC/EWg0A', 'base64')
const MUTABLE_BYTES = 113
const FOLDER_BYTES = 89

function encode(bytes: Buffer, standardAlphabet: boolean): string {
  const text = bytes.toString('base64')
  return standardAlphabet ? text : text.replaceAll('+', '_').replaceAll('/', '-')
}

/** Everything that two tenants with one seed must agree on goes through here. */
export function stableGuid(...parts: readonly (string | number)[]): string {
  const h = digest(`guid:${parts.join(':')}`).toString('hex')
  const [a, b, c, d] = [h.slice(0, 8), h.slice(8, 12), h.slice(13, 16), h.slice(17, 20)]
  return `${a}-${b}-4${c}-a${d}-${h.slice(20, 32)}`
}

/** A non-negative 31-bit number from text: seeds, and choices that must repeat. */
export function stableNumber(...parts: readonly (string | number)[]): number {
  return digest(`number:${parts.join(':')}`).readUInt32BE(0) >>> 1
}

export function folderId(mailboxGuid: string, serial: number): string {
  const tail = Buffer.concat([
    digest(`folder:${mailboxGuid}:${serial}`),
    digest(`f2:${mailboxGuid}`),
  ])
  const bytes = Buffer.alloc(FOLDER_BYTES)
  bytes.set([0, 3, 0x24], 0)
  bytes.write(mailboxGuid.slice(0, 24), 3, 'latin1')
  bytes.set(tail.subarray(0, FOLDER_BYTES - 31), 27)
  return encode(bytes, (tail[0] ?? 0) % 2 === 0)
}

/** `moves` counts how often the item changed its folder. */
export function mutableMessageId(mailboxGuid: string, serial: number, moves: number): string {
  const first = digest(`mutable:${mailboxGuid}:${serial}:${moves}`)
  const bytes = Buffer.alloc(MUTABLE_BYTES)
  bytes.set([0, 3, 0x24], 0)
  bytes.write(mailboxGuid, 3, 'latin1')
  bytes.set(first, 39)
  bytes.set(digest(`m2:${mailboxGuid}`), 71)
  return encode(bytes, (first[0] ?? 0) % 2 === 0)
}

export function immutableMessageId(mailboxGuid: string, serial: number): string {
  const own = digest(`immutable:${mailboxGuid}:${serial}`)
  const bytes = Buffer.concat([
    IMMUTABLE_PREFIX,
    digest(`mailbox:${mailboxGuid}`).subarray(0, 16),
    own,
    digest(`i2:${mailboxGuid}:${serial}`).subarray(0, 20),
  ])
  return encode(bytes, (own[0] ?? 0) % 2 === 0)
}

/** An attachment's id carries its message's id, so it changes with it where that is mutable. */
export function attachmentId(messageId: string, key: string): string {
  const tail = digest(`attachment:${messageId}:${key}`)
  return `${messageId.replace(/=+$/, '')}${encode(tail.subarray(0, 20), (tail[0] ?? 0) % 2 === 0)}`
}

export function conversationId(...parts: readonly (string | number)[]): string {
  const text = parts.join(':')
  const bytes = Buffer.concat([
    Buffer.from([0, 4, 0x24]),
    digest(`conversation:${text}`),
    digest(`c2:${text}`).subarray(0, 15),
  ])
  return encode(bytes, false)
}

export function changeKey(mailboxGuid: string, seq: number): string {
  const bytes = Buffer.alloc(28)
  bytes.set([9, 0, 0, 0, 0x16, 0, 0, 0], 0)
  bytes.set(digest(`changeKey:${mailboxGuid}`).subarray(0, 12), 8)
  bytes.writeBigUInt64BE(BigInt(seq), 20)
  return bytes.toString('base64')
}
