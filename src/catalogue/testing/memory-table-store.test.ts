import { tableStoreContract } from '../../../test/contract/storage/tables.ts'
import { streamContract } from './catalogue-contract.ts'
import { memoryTableStore } from './memory-table-store.ts'
import { scanContract } from './scan-contract.ts'
import { workContract } from './work-contract.ts'

const odd = { emptyPages: 0.3, lostAnswers: 0.3 }

tableStoreContract('in memory', () => memoryTableStore())
tableStoreContract('in memory, with empty pages', () => memoryTableStore({ emptyPages: 0.4 }))
streamContract('in memory', () => memoryTableStore())
streamContract('in memory, with empty pages and lost answers', () => memoryTableStore(odd))
scanContract('in memory', () => memoryTableStore())
scanContract('in memory, with empty pages and lost answers', () => memoryTableStore(odd))
workContract('in memory', () => memoryTableStore())
workContract('in memory, with empty pages and lost answers', () => memoryTableStore(odd))
