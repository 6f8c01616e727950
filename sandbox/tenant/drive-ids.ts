/**
 * Ids that look like those of SharePoint: guids behind them, made from a seed instead of chance.
 *
 * Invariants: same inputs, same id. A drive id is `b!` and 64 base64url characters of three
 * guids; an item id is `01`, six characters of its drive and 26 of its guid; the root of every
 * drive ends alike, as it does in the real service.
 */
import { hash } from 'node:crypto'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const DRIVE_MARK_CHARACTERS = 6
const ROOT_SUFFIX = '56Y2GOVW7725BZO354PWSELRRZ'

function base32(bytes: Uint8Array): string {
  let text = ''
  let value = 0
  let bits = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[(value >>> bits) & 31]
    }
    value &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + BASE32[(value << (5 - bits)) & 31]
}

/** A guid's bytes as Microsoft writes them: the first three parts little-endian. */
function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}

export function siteId(host: string, collection: string, web: string): string {
  return `${host},${collection},${web}`
}

export function driveId(collection: string, web: string, list: string): string {
  const bytes = Buffer.concat([collection, web, list].map(guidBytes))
  return `b!${bytes.toString('base64url')}`
}

function driveMark(drive: string): string {
  return base32(hash('sha256', drive, 'buffer')).slice(0, DRIVE_MARK_CHARACTERS)
}

export function itemId(drive: string, guid: string): string {
  return `01${driveMark(drive)}${base32(guidBytes(guid))}`
}

export function rootItemId(drive: string): string {
  return `01${driveMark(drive)}${ROOT_SUFFIX}`
}
