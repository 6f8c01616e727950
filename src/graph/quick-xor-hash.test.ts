import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuickXorHash } from './quick-xor-hash.ts'

function hashOf(bytes: Uint8Array): string {
  const hash = new QuickXorHash()
  hash.update(bytes)
  return hash.digest()
}

/** Inputs and hashes as published (test vectors of rclone's OneDrive backend), both in base64. */
const VECTORS: readonly [input: string, hash: string][] = [
  ['', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  ['Sg==', 'SgAAAAAAAAAAAAAAAQAAAAAAAAA='],
  ['tbQ=', 'taAFAAAAAAAAAAAAAgAAAAAAAAA='],
  ['n6Neh7p6fFgm', 'nxiFFw6hCz3wAQsmCQAAAAAAAAA='],
  ['h490d57Pqz5q2rtT', 'h3gEHe7giWeswgdq3MYupgAAAAA='],
  ['T6LYJIfDh81JrAK309H2JMJTXis=', 'zBTHrspn3mEcohlJdIUAbjGNaNg='],
  ['NbYXsp5/K6mR+NmHwExjvWeWDJFnXTKWVlzYHoesp2E=', 'wjuAuWDiq04qDt1R8hHWDDcwVoQ='],
  [
    'Mb7EGva2rEE5fENDL85P+BsapHEEjv2/siVhKjvAQe02feExVOQSkfmuYzU/kTF1MaKjPmKF/w+cbvwfdWL8aQ==',
    'n1anP5NfvD4XDYWIeRPW3ZkPv1Y=',
  ],
  [
    'PfxMcUd0vIW6VbHG/uj/Y0W6qEoKmyBD0nYebEKazKaKG+UaDqBEcmQjbfQeVnVLuodMoPp7P7TR1htX5n2VnkHh' +
      '22xDyoJ8C/ZQKiSNqQfXvh83judf4RVr9exJCud8Uvgip6aVZTaPrJHVjQhMCp/dEnGvqg0oN5OVkM2qqAXvA0te' +
      'KUDhgNM71sDBVBCGXxNOR2bpbD1iM4dnuT0ey4L+loXEHTL0fqMeUcEi2asgImnlNakwenDzz0x57aBwyq3AspCF' +
      'GB1ncX4yYCr/OaCcS5OKi/00WH+wNQU3',
    'QX/YEpG0gDsmhEpCdWhsxDzsfVE=',
  ],
  [
    'w0LGhqU1WXFbdavqDE4kAjEzWLGGzmTNikzqnsiXHx2KRReKVTxkv27u3UcEz9+lbMvYl4xFf2Z4aE1xRBBNd1Ke' +
      '5C0zToSaYw5o4B/7X99nKK2/XaUX1byLow2aju2XJl2OpKpJg+tSJ2fmjIJTkfuYUz574dFX6/VXxSxwGH/xQEAK' +
      'S5TCsBK3CwnuG1p5SAsQq3gGVozDWyjEBcWDMdy8/AIFrj/y03Lfc/RNRCQTAfZbnf2QwV7sluw4fH3XJr07UoD0' +
      'YqN+7XZzidtrwqMY26fpLZnyZjnBEt1FAZWO7RnKG5asg8xRk9YaDdedXdQSJAOy6bWEWlABj+tVAigBxavaluUH' +
      '8LOj+yfCFldJjNLdi90fVHkUD/m4Mr5OtmupNMXPwuG3EQlqWUVpQoYpUYKLsk7a5Mvg6UFkiH596y5IbJEVCI1K' +
      'b3D1',
    'e3+wo77iKcILiZegnzyUNcjCdoQ=',
  ],
  [Buffer.from('hello world').toString('base64'), 'aCgDG9jwBhDc4Q1yawMZAAAAAAA='],
]

test('the hash of a file is the published one', () => {
  for (const [input, hash] of VECTORS) assert.equal(hashOf(Buffer.from(input, 'base64')), hash)
})

/** The definition, byte by byte, on one big number. */
function defined(bytes: Uint8Array): string {
  const ring = (1n << 160n) - 1n
  let value = 0n
  for (const [at, byte] of bytes.entries()) {
    const wide = BigInt(byte) << BigInt((at * 11) % 160)
    value ^= (wide & ring) | (wide >> 160n)
  }
  value ^= BigInt(bytes.byteLength) << 96n
  const little = Buffer.from(value.toString(16).padStart(40, '0'), 'hex').reverse()
  return little.toString('base64')
}

test('bytes of any length, in pieces of any size, resumed anywhere, give the hash of the whole', () =>
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000, size: 'max' }),
      fc.array(fc.record({ bytes: fc.nat(700), resumes: fc.boolean() }), { maxLength: 8 }),
      (bytes, cuts) => {
        let hash = new QuickXorHash()
        let at = 0
        for (const cut of cuts) {
          hash.update(bytes.subarray(at, at + cut.bytes))
          at = Math.min(at + cut.bytes, bytes.byteLength)
          if (!cut.resumes) continue
          const resumed = QuickXorHash.from(hash.state())
          assert.ok(resumed)
          hash = resumed
        }
        hash.update(bytes.subarray(at))
        assert.equal(hash.digest(), defined(bytes))
        assert.equal(hash.digest(), hashOf(bytes), 'asked twice it says the same')
      },
    ),
  ))

test('a text that is no state is none, so that nobody goes on from it', () => {
  for (const text of ['', 'AAAA:1', `${'A'.repeat(27)}=`, `${'A'.repeat(27)}=:-1`, '{}']) {
    assert.equal(QuickXorHash.from(text), undefined)
  }
})
