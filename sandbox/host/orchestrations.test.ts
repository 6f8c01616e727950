/** Orchestrations of the gallery app, run through the real packages in an embedded host. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  callClient,
  type EmbeddedGallery,
  finished,
  runToEnd,
  start,
  startGallery,
  statusOf,
  until,
} from './testing/harness.ts'

let gallery: EmbeddedGallery
let url = ''

before(async () => {
  // Small pages: no code may rely on a list that fits into one.
  gallery = await startGallery({ settings: { statusPageSize: 4 } })
  url = gallery.url
})
after(async () => {
  await gallery.host.stop()
  gallery.workspace.remove()
})

describe('what orchestrations can do', () => {
  test('a chain of activities returns the results in order', async () => {
    const status = await runToEnd(url, 'chain', 'chain')
    assert.equal(status.runtimeStatus, 'Completed')
    assert.deepEqual(status.output, [3, 13])
  })

  test('a fan-out of 50 returns the results in the order of the tasks', async () => {
    const status = await runToEnd(url, 'fanOut', 'fan', { count: 50 })
    assert.deepEqual(
      status.output,
      Array.from({ length: 50 }, (_, index) => index),
    )
  })

  test('children have given or derived ids, and their failure can be caught', async () => {
    const { output } = await runToEnd(url, 'parent', 'parent')
    const { one, two, failure } = output as {
      one: { id: string; value: number }
      two: { id: string; value: number }
      failure: string
    }
    assert.deepEqual(one, { id: 'given-child', value: 6 })
    assert.match(two.id, /^[0-9a-f]{32}:1$/)
    assert.match(failure, /^Error: Orchestrator function 'child' failed: child failed \n Message: /)
  })

  test('a timer fires, up to one second early', async () => {
    const begun = Date.now()
    const status = await runToEnd(url, 'timer', 'timer', { ms: 1200 })
    assert.equal(status.output, 'fired')
    assert.ok(Date.now() - begun >= 900)
  })

  test('continueAsNew keeps the id and starts a fresh history each round', async () => {
    const status = await runToEnd(url, 'eternal', 'eternal', { round: 0, rounds: 5 })
    assert.deepEqual(status.output, { round: 5, rounds: 5 })
    const response = await fetch(`${url}/admin/instances`)
    const instances = (await response.json()) as { id: string; events: number }[]
    assert.equal(instances.find(({ id }) => id === 'eternal')?.events, 8)
  })

  test('a late result of the execution before continueAsNew is ignored', async () => {
    const status = await runToEnd(url, 'leavesOpen', 'leaves-open', { again: true })
    assert.equal(status.output, 'the right failure')
    assert.equal(gallery.workspace.count('slow ends left'), 1)
  })

  test('a cancelled timer does not hold up the end', async () => {
    assert.equal((await runToEnd(url, 'race', 'race')).output, 'work')
  })

  test('two events of one name arrive in order, whoever waits', async () => {
    await start(url, 'waits', 'waits')
    await callClient(url, 'raiseEvent', 'waits', 'GO', 1)
    await callClient(url, 'raiseEvent', 'waits', 'go', { two: 2 })
    await callClient(url, 'raiseEvent', 'waits', 'go', null)
    // 'GO' is for the extension the same event, for the SDK another one: it is never seen.
    const status = await finished(url, 'waits')
    assert.deepEqual(status.output, [{ two: 2 }, null])
  })

  test('events that come in a burst are carried over by continueAsNew, none is lost', async () => {
    await start(url, 'collects', 'collects', { seen: [] })
    for (const item of [1, 2, 3]) await callClient(url, 'raiseEvent', 'collects', 'item', item)
    assert.deepEqual((await finished(url, 'collects')).output, [1, 2, 3])
  })

  test('a custom status is shown and can be cleared', async () => {
    await start(url, 'withStatus', 'status')
    await until(
      async () => (await statusOf(url, 'status')).customStatus ?? undefined,
      'a custom status',
    )
    await callClient(url, 'raiseEvent', 'status', 'go', 1)
    await until(
      async () => (await statusOf(url, 'status')).customStatus === null || undefined,
      'it to be cleared',
    )
    await callClient(url, 'raiseEvent', 'status', 'go', 1)
    assert.equal((await finished(url, 'status')).output, 'done')
  })
})

describe('what values look like inside an activity', () => {
  const cases: readonly [string, unknown, string, unknown][] = [
    ['a text of digits stays a text', '123', 'string', '123'],
    ['a number stays a number', 7, 'number', 7],
    ['a boolean arrives in .NET spelling', true, 'string', 'True'],
    ['null arrives as undefined', null, 'undefined', null],
    ['an ISO time stays a text', '2026-01-01T00:00:00.000Z', 'string', '2026-01-01T00:00:00.000Z'],
    ['an object stays an object', { a: [1] }, 'object', { a: [1] }],
    ['the JSON library eats its own names', { $type: 'x', $id: 1, b: 2 }, 'object', { b: 2 }],
  ]
  for (const [index, [title, input, type, value]] of cases.entries()) {
    test(title, async () => {
      const call = { name: 'describe', input }
      const { output } = await runToEnd(url, 'calls', `value-${index}`, call)
      const seen = output as { type: string; value: unknown }
      assert.deepEqual({ type: seen.type, value: seen.value }, { type, value })
    })
  }

  test('no result is null, and the metadata names the members of the input', async () => {
    const nothing = await runToEnd(url, 'calls', 'no-result', { name: 'nothing' })
    assert.equal(nothing.output, null)
    const call = { name: 'describe', input: { colour: 1 } }
    const { output } = await runToEnd(url, 'calls', 'metadata', call)
    const { metadata } = output as { metadata: string[] }
    assert.ok(['colour', 'data', 'instanceId'].every((name) => metadata.includes(name)))
  })
})

describe('failures', () => {
  test('a failing activity fails the orchestration with the texts of the real host', async () => {
    const status = await runToEnd(url, 'failing', 'failing', { text: 'no $deltatoken=abc here' })
    assert.equal(status.runtimeStatus, 'Failed')
    assert.match(
      String(status.output),
      /^Orchestrator function 'failing' failed: Activity function 'fail' failed: {2}no \$delta\[Hid/,
    )
  })

  test('three attempts take seven episodes: one more timer follows the last failure', async () => {
    const status = await runToEnd(url, 'retrying', 'retrying')
    assert.match(String(status.output), /^Error: Activity function 'fail' failed: {2}never mind/)
    const response = await callClient(url, 'getStatus', 'retrying', { showHistory: true })
    assert.equal(response.error, undefined)
    const measures = (await (await fetch(`${url}/admin/instances`)).json()) as {
      id: string
      events: number
    }[]
    // 7 pairs of episode marks, 3 × 2 task events, 3 × 2 timer events, start and end.
    assert.equal(measures.find(({ id }) => id === 'retrying')?.events, 28)
  })

  test('after a failed Task.all the next activity waits for all siblings', async () => {
    const status = await runToEnd(url, 'allThenNext', 'all-then-next')
    assert.deepEqual(status.output, ['caught', 'slept'])
    const effects = gallery.workspace.effects()
    assert.ok(effects.indexOf('slow ends sibling') < effects.indexOf('slow begins next'))
  })

  test('retries inside Task.all make an activity "done" that has not run', async () => {
    const status = await runToEnd(url, 'worked', 'worked')
    assert.equal(status.runtimeStatus, 'Completed')
    assert.deepEqual(status.output, { cleaned: 'undefined' })
  })

  test('an unknown activity leaves the instance Running, and the host says why', async () => {
    await start(url, 'calls', 'unknown', { name: 'noSuchActivity' })
    const line = await until(
      () => gallery.logs.find(({ text }) => text.includes('noSuchActivity')),
      'the explanation',
    )
    assert.equal(line.level, 'error')
    assert.equal((await statusOf(url, 'unknown')).runtimeStatus, 'Running')
  })

  test('an orchestrator that throws a text stays Running, and the host says why', async () => {
    await start(url, 'throwsText', 'throws-text')
    await until(() => gallery.logs.find(({ text }) => text.includes('throws-text')), 'the log')
    assert.equal((await statusOf(url, 'throws-text')).runtimeStatus, 'Running')
  })
})

describe('what the client can do', () => {
  test('terminate ends an instance at once', async () => {
    await start(url, 'timer', 'terminated', { ms: 60_000 })
    await callClient(url, 'terminate', 'terminated', 'enough')
    const status = await finished(url, 'terminated')
    assert.deepEqual([status.runtimeStatus, status.output], ['Terminated', 'enough'])
    assert.equal((await callClient(url, 'terminate', 'terminated', 'again')).error, undefined)
  })

  test('a suspended instance keeps its events until it is resumed', async () => {
    await start(url, 'waits', 'suspended')
    await callClient(url, 'suspend', 'suspended', 'a pause')
    await until(
      async () =>
        (await statusOf(url, 'suspended')).runtimeStatus === 'Suspended' ? true : undefined,
      'the suspension',
    )
    assert.equal((await statusOf(url, 'suspended')).output, 'a pause')
    await callClient(url, 'raiseEvent', 'suspended', 'go', 1)
    await callClient(url, 'raiseEvent', 'suspended', 'go', 2)
    assert.equal((await statusOf(url, 'suspended')).runtimeStatus, 'Suspended')
    await callClient(url, 'resume', 'suspended', 'go on')
    assert.deepEqual((await finished(url, 'suspended')).output, [1, 2])
  })

  test('a running id is a conflict, a finished one is overwritten', async () => {
    await start(url, 'waits', 'conflict')
    const { error } = await callClient(url, 'startNew', 'chain', { instanceId: 'conflict' })
    assert.match(String(error), /status code: 500.*OrchestrationAlreadyExistsException/)
    await callClient(url, 'terminate', 'conflict', 'x')
    await finished(url, 'conflict')
    assert.equal((await runToEnd(url, 'chain', 'conflict')).runtimeStatus, 'Completed')
  })

  test('starts are checked: unknown function, bad ids', async () => {
    const refused = async (name: string, id: string): Promise<string> =>
      String((await callClient(url, 'startNew', name, { instanceId: id })).error)
    assert.match(await refused('noSuchOrchestrator', 'a1'), /status code: 400/)
    assert.match(await refused('chain', 'x'.repeat(300)), /status code: 400/)
    assert.match(await refused('chain', '@x'), /status code: 400/)
    assert.match(await refused('chain', 'a/b'), /status code: 404/)
  })

  test('an input that was not given is an empty text', async () => {
    await runToEnd(url, 'chain', 'no-input')
    assert.equal((await statusOf(url, 'no-input')).input, '')
  })

  test('lists come in pages, with inputs, by status', async () => {
    const { value } = await callClient(url, 'getStatusBy', { runtimeStatus: ['Terminated'] })
    const ids = (value as { instanceId: string }[]).map(({ instanceId }) => instanceId)
    assert.deepEqual(ids, ['terminated'])
    const all = await callClient(url, 'getStatusAll')
    assert.ok((all.value as unknown[]).length > 10)
  })

  test('purge removes an instance, also a running one; unknown ids are 0', async () => {
    await start(url, 'waits', 'purged')
    const first = await callClient(url, 'purgeInstanceHistory', 'purged')
    assert.deepEqual(first.value, { instancesDeleted: 1 })
    const second = await callClient(url, 'purgeInstanceHistory', 'purged')
    assert.deepEqual(second.value, { instancesDeleted: 0 })
    assert.match(String((await callClient(url, 'getStatus', 'purged')).error), /HTTP 404/)
  })

  test('an event without data is refused, one for a finished instance is ignored', async () => {
    await runToEnd(url, 'chain', 'over')
    assert.equal((await callClient(url, 'raiseEvent', 'over', 'go', 1)).error, undefined)
    await start(url, 'waits', 'no-data')
    const { error } = await callClient(url, 'raiseEvent', 'no-data', 'go')
    assert.match(String(error), /400.*Invalid JSON content/)
  })

  test('rewind of a finished instance throws', async () => {
    assert.match(String((await callClient(url, 'rewind', 'over', 'x')).error), /410/)
  })
})
