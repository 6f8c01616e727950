/**
 * The contract of OwnerKeys on what needs neither Azurite nor Azure: keys in a folder, and the
 * double of the vault's tests. The simulator's are in simulator.test.ts; Key Vault's adapter has
 * only met a fake transport and, opt-in, a real one (live.test.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { localKeys } from '../../../src/adapters/local-keys.ts'
import { createMemoryKeys } from '../../../src/vault/testing/memory-keys.ts'
import { playCases } from './cases.ts'
import { KEY_CASES } from './keys.ts'

const folder = await mkdtemp(join(tmpdir(), 'keys-'))
after(() => rm(folder, { recursive: true, force: true }))

playCases('keys: a folder', KEY_CASES, () => localKeys(folder))
playCases('keys: in memory', KEY_CASES, createMemoryKeys)
