import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeltaPage } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { type AskPage, createExpandFallback } from './expand-fallback.ts'

const folder = 'inbox' as GraphId
const other = 'archive' as GraphId

function failure(code: string, status?: number): AppError {
  const context = status === undefined ? {} : { status }
  return new AppError({ code, kind: 'transient', message: 'x', hint: 'x', context })
}

/** Answers the calls in turn, with a page or an error, and writes down what was asked. */
function service(...answers: (Partial<DeltaPage> | AppError)[]) {
  const asked: string[] = []
  const ask: AskPage = async (link, fields) => {
    asked.push(`${link} ${fields}`)
    const answer = answers[asked.length - 1]
    assert.ok(answer, `call ${asked.length} is not in the script`)
    if (answer instanceof AppError) throw answer
    return { items: [], removed: [], ...answer }
  }
  return { ask, asked }
}

const trouble = [
  failure('RequestNotUnderstood', 400),
  failure('GraphUnavailable', 500),
  failure('UnreadableAnswer'),
]

test('a refused later page begins the folder anew, plainly, and stays plain in later rounds', async () => {
  for (const refusal of trouble) {
    const { ask, asked } = service(
      { next: 'l1' },
      refusal,
      {},
      { next: 'p1' },
      { delta: 'p2' },
      { delta: 'p3' },
    )
    const fallback = createExpandFallback()
    assert.equal((await fallback.page(folder, null, ask)).next, 'l1')
    await assert.rejects(fallback.page(folder, 'l1', ask), (e) => hasCode(e, 'ResyncNeeded'))
    // The start of the round asks for the same; it is not tried, so that the restart comes to an end.
    await assert.rejects(fallback.page(folder, 'start', ask), (e) => hasCode(e, 'ResyncNeeded'))
    const begun = await fallback.page(folder, null, ask)
    const ended = await fallback.page(folder, begun.next ?? '', ask)
    await createExpandFallback().page(folder, ended.delta ?? '', ask)
    assert.deepEqual(asked, [
      'null expanded',
      'l1 expanded',
      'null plain',
      'null plain',
      'p1 plain',
      'p2 plain',
    ])
  }
})

test('a service in trouble keeps the place of the walk', async () => {
  const { ask, asked } = service(failure('GraphUnavailable', 500), failure('Throttled', 429), {
    next: 'l2',
  })
  const fallback = createExpandFallback()
  await assert.rejects(fallback.page(folder, 'l1', ask), (e) => hasCode(e, 'Throttled'))
  assert.equal((await fallback.page(folder, 'l1', ask)).next, 'l2')
  assert.deepEqual(asked, ['l1 expanded', 'null plain', 'l1 expanded'])
})

test('other trouble is not the query, and other folders are still asked for names', async () => {
  const { ask, asked } = service(
    failure('GraphUnavailable', 503),
    failure('RequestNotUnderstood', 400),
    { next: 'p1' },
    { next: 'o1' },
  )
  const fallback = createExpandFallback()
  await assert.rejects(fallback.page(folder, 'l1', ask), (e) => hasCode(e, 'GraphUnavailable'))
  await fallback.page(folder, null, ask)
  assert.equal((await fallback.page(other, null, ask)).next, 'o1')
  assert.deepEqual(asked, ['l1 expanded', 'null expanded', 'null plain', 'null expanded'])
})
