/** The HTTP API of the extension where the SDK has no method for it: waiting, restart, rewind. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { OrchestrationContext } from 'durable-functions'
import { df, EngineRig } from '../testing/engine-rig.ts'

df.app.orchestration('answers', function* (context: OrchestrationContext) {
  const input = context.df.getInput<{ fail?: boolean; wait?: boolean }>()
  if (input?.wait) yield context.df.waitForExternalEvent('go')
  if (input?.fail) throw new Error('as it was told')
  return { answered: input }
})

let rig: EngineRig
before(() => {
  rig = new EngineRig()
})
after(() => rig.stop())

const wait = (timeout: number, pollingInterval = 0.02): string =>
  `?timeout=${timeout}&pollingInterval=${pollingInterval}`

describe('start and wait', () => {
  test('answers the output of an instance that completes in time', async () => {
    const answer = await rig.request('POST', `orchestrators/answers${wait(20)}`, { a: 1 })
    assert.deepEqual([answer.status, answer.json], [200, { answered: { a: 1 } }])
  })

  test('answers the status of one that fails', async () => {
    const { status, json } = await rig.request('POST', `orchestrators/answers/f${wait(20)}`, {
      fail: true,
    })
    const { runtimeStatus } = json as { runtimeStatus: string }
    assert.deepEqual([status, runtimeStatus], [200, 'Failed'])
  })

  test('answers the links when the time is over', async () => {
    const { status, json } = await rig.request('POST', `orchestrators/answers/w${wait(0.1)}`, {
      wait: true,
    })
    assert.deepEqual([status, (json as { id: string }).id], [202, 'w'])
  })

  test('does not wait with one of the two parameters, and refuses a longer interval', async () => {
    const half = await rig.request('POST', 'orchestrators/answers/h?timeout=20', { wait: true })
    assert.equal(half.status, 202)
    const odd = await rig.request('POST', `orchestrators/answers/o${wait(1, 2)}`, { wait: true })
    assert.equal(odd.status, 400)
  })
})

test('what is wrong with an argument is said as the extension says it', async () => {
  const { status, json } = await rig.request('POST', 'orchestrators/nobody')
  const { ExceptionMessage, ...rest } = json as { ExceptionMessage: string }
  assert.equal(status, 400)
  assert.match(ExceptionMessage, /^The function 'nobody' doesn't exist, is disabled, or is not/)
  assert.deepEqual(rest, {
    Message: 'One or more of the arguments submitted is incorrect',
    ExceptionType: 'System.ArgumentException',
  })
})

describe('restart', () => {
  test('runs the same orchestrator with the same input under a new id', async () => {
    await rig.runToEnd('answers', 'old', { a: 2 })
    const { status, json } = await rig.request('POST', 'instances/old/restart')
    assert.equal(status, 202)
    const { id } = json as { id: string }
    assert.match(id, /^[0-9a-f]{32}$/)
    assert.deepEqual((await rig.finished(id)).output, { answered: { a: 2 } })
  })

  test('takes the same id when told so, unless that instance still runs', async () => {
    await rig.runToEnd('answers', 'same', { a: 3 })
    const target = 'instances/same/restart?restartWithNewInstanceId=false'
    const { json } = await rig.request('POST', target)
    assert.equal((json as { id: string }).id, 'same')
    await rig.finished('same')
    await rig.start('answers', 'runs', { wait: true })
    const busy = await rig.request('POST', 'instances/runs/restart?restartWithNewInstanceId=false')
    assert.equal(busy.status, 500)
  })

  test('of an unknown instance is refused', async () => {
    assert.equal((await rig.request('POST', 'instances/nobody/restart')).status, 400)
  })
})

test('rewind is 404 for unknown instances, 410 for ended ones, and else honestly 501', async () => {
  await rig.runToEnd('answers', 'completed')
  await rig.runToEnd('answers', 'failed', { fail: true })
  const rewind = async (id: string): Promise<number> =>
    (await rig.request('POST', `instances/${id}/rewind?reason=x`)).status
  assert.deepEqual(
    [await rewind('nobody'), await rewind('completed'), await rewind('failed')],
    [404, 410, 501],
  )
})
