import { createMemoryBlobStore } from './testing/memory-blob-store.ts'
import { vaultSuite } from './testing/vault-suite.ts'

vaultSuite('in memory', async () => createMemoryBlobStore())
