/**
 * TableStore: what every one must do, whatever stands behind it. Also run by the in-memory double
 * of the catalogue's tests, so that it stays truthful.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { walkRows } from '../../../src/catalogue/read.ts'
import type { TableOp, TableStore, Values } from '../../../src/ports.ts'
import { type Case, playCases } from './cases.ts'

const NEVER = new AbortController().signal

/** `open` is called inside the tests; every test takes a partition of its own. */
export function tableStoreContract(name: string, open: () => TableStore): void {
  playCases(`tables: ${name}`, TABLE_CASES, open)
}

export const TABLE_CASES: readonly Case<TableStore>[] = [
  { name: 'every kind of value comes back as it was written', run: valuesComeBack },
  {
    name: 'an insert of a row that exists is a conflict and changes nothing',
    run: insertConflicts,
  },
  { name: 'a replace needs the etag of the last write', run: replaceNeedsEtag },
  { name: 'a batch is done as a whole or not at all', run: batchIsAtomic },
  {
    name: 'a removal by etag spares a row that changed; a missing row is a conflict',
    run: removals,
  },
  { name: 'rows come in ordinal key order, page by page, inside the range', run: ranges },
  { name: 'rows of many partitions come by partition and row, page by page', run: partitions },
  { name: 'only the selected columns come back', run: selection },
  { name: 'an aborted call throws the reason of its signal', run: aborts },
]

const KEYS_WRONG = ['a/b', 'a\\b', 'a#b', 'a?b', 'a\tb', 'a\u0001b', 'a\u007fb', 'a\u0085b']

/** Azure's limits. Behind withAzureLimits a broken one is `TableLimit`, else `TablesRefused`. */
export const TABLE_LIMIT_CASES: readonly Case<TableStore>[] = [
  limit('a key keeps to its characters', ...KEYS_WRONG.map((row) => [anInsert(row)])),
  limit('a key has at most 512 units', [aPut('x'.repeat(513))]),
  limit('a value has at most 64 KiB', [aPut('r', { long: 'x'.repeat(32_769) })]),
  limit('a row has at most 252 columns', [aPut('r', columns(253, 1))]),
  limit('a row has at most 1 MiB', [aPut('r', columns(20, 30_000))]),
  limit('a column has an identifier as its name', [aPut('r', { 'no-identifier': 1 })]),
  limit('a batch has each row once', [aPut('r'), aPut('r')]),
  limit(
    'a batch has at most 100 operations',
    Array.from({ length: 101 }, (_, n) => aPut(`r${n}`)),
  ),
  {
    name: 'a page has at most 1,000 rows',
    run: (store) => refuses(() => store.page('items', { partition: 'p' }, { max: 1001 }, NEVER)),
  },
]

/** Where nobody has prepared anything yet. */
export const MISSING_TABLE_CASES: readonly Case<TableStore>[] = [
  { name: 'a table that nobody made is missing', run: missing },
]

function aPut(row: string, values: Values = {}): TableOp {
  return { op: 'put', row, values }
}

function anInsert(row: string): TableOp {
  return { op: 'insert', row, values: {} }
}

function columns(count: number, length: number): Values {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, 'x'.repeat(length)]))
}

/** Each of these batches breaks the rule. */
function limit(name: string, ...batches: TableOp[][]): Case<TableStore> {
  return {
    name,
    async run(store) {
      for (const ops of batches) {
        await refuses(() => store.batch('items', aPartition(), ops, NEVER))
      }
    },
  }
}

async function refuses(call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(
    async () => call(),
    (error: Error) => {
      assert.match('code' in error ? String(error.code) : '', /^(TablesRefused|TableLimit)$/)
      return true
    },
  )
}

async function missing(store: TableStore): Promise<void> {
  const expected = { code: 'TablesMissing', kind: 'permanent' }
  await assert.rejects(store.get('items', 'p', 'r', NEVER), expected)
  await assert.rejects(store.page('items', { partition: 'p' }, { max: 1 }, NEVER), expected)
  await assert.rejects(store.batch('items', 'p', [aPut('r')], NEVER), expected)
  await assert.rejects(store.batch('items', 'p', [aPut('r'), aPut('s')], NEVER), expected)
  await store.prepare(NEVER)
  await store.prepare(NEVER)
  assert.equal(await store.get('items', 'p', 'r', NEVER), undefined)
}

function aPartition(): string {
  return `p~${randomBytes(8).toString('hex')}`
}

async function insert(store: TableStore, partition: string, row: string, values: Values) {
  return await store.batch('items', partition, [{ op: 'insert', row, values }], NEVER)
}

async function valuesComeBack(store: TableStore): Promise<void> {
  const p = aPartition()
  const values = {
    text: 'ä€𝄞 "quoted"\n',
    empty: '',
    whole: 5,
    negative: -2147483648,
    beyond32: 2147483648,
    time: 1_795_000_000_000,
    fraction: 1.5,
    huge: 1e300,
    yes: true,
    no: false,
    bytes: new Uint8Array([0, 1, 254, 255]),
    isoTime: '2026-11-20T10:00:00.1234567Z',
    long: 'x'.repeat(32_000),
  }
  assert.deepEqual(await insert(store, p, 'r', values), { outcome: 'applied' })
  const row = await store.get('items', p, 'r', NEVER)
  assert.deepEqual({ ...row?.values }, values)
  assert.equal(row?.partition, p)
  assert.equal(row?.row, 'r')
  assert.equal(await store.get('items', p, 'other', NEVER), undefined)
  assert.equal(await store.get('listing', p, 'r', NEVER), undefined)
}

async function insertConflicts(store: TableStore): Promise<void> {
  const p = aPartition()
  await insert(store, p, 'r', { n: 1 })
  assert.deepEqual(await insert(store, p, 'r', { n: 2 }), { outcome: 'conflict', index: 0 })
  assert.deepEqual((await store.get('items', p, 'r', NEVER))?.values, { n: 1 })
}

async function replaceNeedsEtag(store: TableStore): Promise<void> {
  const p = aPartition()
  await insert(store, p, 'r', { n: 1, gone: 'x' })
  const first = (await store.get('items', p, 'r', NEVER))?.etag ?? ''
  const replace = (n: number): TableOp[] => [
    { op: 'replace', row: 'r', values: { n }, etag: first },
  ]
  assert.deepEqual(await store.batch('items', p, replace(2), NEVER), { outcome: 'applied' })
  const late = await store.batch('items', p, replace(3), NEVER)
  assert.deepEqual(late, { outcome: 'conflict', index: 0 })
  assert.deepEqual((await store.get('items', p, 'r', NEVER))?.values, { n: 2 })
  const missing = { op: 'replace', row: 'nowhere', values: {}, etag: first } as const
  assert.equal((await store.batch('items', p, [missing], NEVER)).outcome, 'conflict')
}

async function batchIsAtomic(store: TableStore): Promise<void> {
  const p = aPartition()
  await insert(store, p, 'b', { n: 1 })
  const ops: TableOp[] = [
    { op: 'insert', row: 'a', values: { n: 2 } },
    { op: 'insert', row: 'b', values: { n: 2 } },
    { op: 'put', row: 'c', values: { n: 2 } },
  ]
  const outcome = await store.batch('items', p, ops, NEVER)
  assert.deepEqual(outcome, { outcome: 'conflict', index: 1 })
  assert.equal(await store.get('items', p, 'a', NEVER), undefined)
  assert.equal(await store.get('items', p, 'c', NEVER), undefined)
  const puts = Array.from({ length: 100 }, (_, n): TableOp => {
    return { op: 'put', row: `r${String(n).padStart(3, '0')}`, values: { n } }
  })
  assert.deepEqual(await store.batch('items', p, puts, NEVER), { outcome: 'applied' })
  assert.deepEqual((await store.get('items', p, 'r099', NEVER))?.values, { n: 99 })
}

async function removals(store: TableStore): Promise<void> {
  const p = aPartition()
  await insert(store, p, 'r', { n: 1 })
  const etag = (await store.get('items', p, 'r', NEVER))?.etag ?? ''
  await store.batch('items', p, [{ op: 'put', row: 'r', values: { n: 2 } }], NEVER)
  const remove = [{ op: 'remove', row: 'r', etag }] as const
  assert.equal((await store.batch('items', p, remove, NEVER)).outcome, 'conflict')
  const plain = [{ op: 'remove', row: 'r' }] as const
  assert.deepEqual(await store.batch('items', p, plain, NEVER), { outcome: 'applied' })
  assert.equal((await store.batch('items', p, plain, NEVER)).outcome, 'conflict')
}

async function ranges(store: TableStore): Promise<void> {
  const p = aPartition()
  const keys = ['-', '1', 'A', '_', 'a', 'a!', 'a~b', 'b', '~', 'é']
  for (const row of keys.toReversed()) await insert(store, p, row, { row })
  await insert(store, aPartition(), 'foreign', {})
  const rows = async (range: { from?: string; below?: string }, pageRows: number) => {
    const found: string[] = []
    const walk = walkRows(store, 'items', { partition: p, ...range }, NEVER, pageRows)
    for await (const { row } of walk) found.push(row)
    return found
  }
  for (const pageRows of [1, 3, 1000]) {
    assert.deepEqual(await rows({}, pageRows), keys)
    assert.deepEqual(await rows({ from: 'a' }, pageRows), keys.slice(4))
    assert.deepEqual(await rows({ from: 'a', below: 'a~~' }, pageRows), ['a', 'a!', 'a~b'])
    assert.deepEqual(await rows({ from: 'c', below: 'd' }, pageRows), [])
  }
  const page = await store.page('items', { partition: p }, { max: 2 }, NEVER)
  assert.ok(page.rows.length <= 2)
  assert.ok(page.continuation)
}

async function partitions(store: TableStore): Promise<void> {
  const p = aPartition()
  const names = ['~mail~-', '~mail~a', '~mail~b~w', '~mail~z', '~teams~a']
  for (const name of names.toReversed()) {
    for (const row of ['b', 'a', 'c']) await insert(store, `${p}${name}`, row, { n: 1, name })
  }
  // Neither what sorts before and after, nor what is a partition of its own name alone.
  for (const name of ['', '~mai', '~mail', '~n']) await insert(store, `${p}${name}`, 'x', {})
  const expected = names.slice(0, 4).flatMap((name) => ['a', 'b', 'c'].map((row) => name + row))
  for (const pageRows of [1, 2, 1000]) {
    const query = { partitions: { from: `${p}~mail~`, below: `${p}~mail~~` }, select: ['n'] }
    const found: string[] = []
    for await (const { partition, row, values } of walkRows(
      ...([store, 'items', query, NEVER, pageRows] as const),
    )) {
      assert.deepEqual({ ...values }, { n: 1 })
      found.push(`${partition.slice(p.length)}${row}`)
    }
    assert.deepEqual(found, expected)
  }
}

async function selection(store: TableStore): Promise<void> {
  const p = aPartition()
  await insert(store, p, 'r', { a: 1, b: 2 })
  const query = { partition: p, select: ['b', 'missing'] }
  const rows = []
  for await (const row of walkRows(store, 'items', query, NEVER)) rows.push(row)
  assert.deepEqual(rows[0]?.values, { b: 2 })
  assert.equal(rows[0]?.row, 'r')
  assert.equal(rows[0]?.etag, (await store.get('items', p, 'r', NEVER))?.etag)
}

async function aborts(store: TableStore): Promise<void> {
  const signal = AbortSignal.abort(new Error('enough'))
  await assert.rejects(store.get('items', 'p', 'r', signal), /enough/)
  await assert.rejects(store.page('items', { partition: 'p' }, { max: 1 }, signal), /enough/)
  const ops: TableOp[] = [{ op: 'put', row: 'r', values: {} }]
  await assert.rejects(store.batch('items', 'p', ops, signal), /enough/)
}
