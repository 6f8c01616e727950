/**
 * Host and worker are killed at random while fifty orchestrations run: every instance ends as the
 * rules say, none is lost, and no result that was committed is lost.
 *
 * A host that dies harms nothing. A worker that dies fails the activities that it runs, and for
 * good the orchestrations that it is amid, as on Azure.
 *
 * `HOLDFAST_HOST_KILLS=200 node --test sandbox/host/kills.test.ts` kills so often;
 * HOLDFAST_HOST_SEED (default: 1) chooses when.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { UNLESS_MORE } from '../../test/level.ts'
import { HostProcess, until, Workspace } from './testing/harness.ts'

const APP_DIR = fileURLToPath(new URL('./testing/apps/kills', import.meta.url))
const INSTANCES = 50
const KILLS = Number(process.env['HOLDFAST_HOST_KILLS'] ?? 12)
const SEED = Number(process.env['HOLDFAST_HOST_SEED'] ?? 1)
const OPEN: ReadonlySet<string> = new Set(['Pending', 'Running'])
/** 0 + … + 19, and twice three in a row. */
const SUM = 190 + 303 + 603
const WORKER_DIED = /exited with code 137|Non-Deterministic workflow detected/

/** mulberry32: small, and the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

type Victim = 'host' | 'worker'

interface Told {
  runtimeStatus: string
  output: unknown
  historyEvents: { EventType: string; Result?: unknown }[]
}

/** A host that is killed and comes again on the same state. */
class Mortal {
  readonly #workspace: Workspace
  #host: HostProcess | undefined
  #query = ''
  /** Results of an instance that were seen in its history: what is there must stay. */
  readonly #seen = new Map<string, string[]>()

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  async start(): Promise<void> {
    const args = ['--app', APP_DIR, '--port', '0', '--state', this.#workspace.stateFile]
    const host = new HostProcess(args, this.#workspace.env())
    this.#host = host
    await host.started()
    const links = (await (await fetch(`${host.url}/api/links`)).json()) as Record<string, string>
    this.#query = new URL(links['statusQueryGetUri'] ?? '').search
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#host?.stop(signal)
  }

  async kill(victim: Victim): Promise<void> {
    if (victim === 'worker') return await this.#killWorker()
    await this.stop('SIGKILL')
    await this.start()
  }

  async #killWorker(): Promise<void> {
    const host = this.#host
    assert.ok(host)
    const workers = host.ready.length
    const pid = host.ready.at(-1)?.workerPid
    assert.ok(pid)
    process.kill(pid, 'SIGKILL')
    await until(() => (host.ready.length > workers ? true : undefined), 'another worker')
  }

  async begin(id: string, seed: number): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ seed })
    const answer = await this.#ask(`orchestrators/tree/${id}`, { method: 'POST', headers, body })
    assert.equal(answer.status, 202)
  }

  async told(id: string): Promise<Told> {
    const answer = await this.#ask(
      `instances/${id}`,
      {},
      '&showHistory=true&showHistoryOutput=true',
    )
    assert.notEqual(answer.status, 404, `${id} is not lost`)
    return (await answer.json()) as Told
  }

  /** Everything that was committed when somebody last looked is still there. */
  async look(id: string): Promise<Told> {
    const told = await this.told(id)
    const results = told.historyEvents
      .filter(
        ({ EventType }) => EventType.endsWith('Completed') && EventType !== 'ExecutionCompleted',
      )
      .map(({ EventType, Result }) => `${EventType} ${JSON.stringify(Result)}`)
    const before = this.#seen.get(id) ?? []
    assert.deepEqual(results.slice(0, before.length), before, `${id} keeps its results`)
    this.#seen.set(id, results)
    return told
  }

  async #ask(path: string, init: RequestInit = {}, more = ''): Promise<Response> {
    const address = `${this.#host?.url}/runtime/webhooks/durabletask/${path}${this.#query}${more}`
    return await fetch(address, { ...init, signal: AbortSignal.timeout(15_000) })
  }
}

/** Waves of fifty instances, until there were so many kills; answers how each instance ended. */
async function play(victims: readonly Victim[], kills: number) {
  const random = randomOf(SEED)
  const workspace = new Workspace()
  const mortal = new Mortal(workspace)
  const ends = new Map<string, Told>()
  await mortal.start()
  try {
    for (let killed = 0, wave = 0; killed < kills; wave += 1) {
      const ids = Array.from({ length: INSTANCES }, (_, n) => `wave-${wave}-${n}`)
      for (const [n, id] of ids.entries()) await mortal.begin(id, n)
      for (let open = ids; open.length > 0; ) {
        await sleep(50 + random() * 400)
        const looks = await Promise.all(
          open.map(async (id) => [id, await mortal.look(id)] as const),
        )
        for (const [id, told] of looks) if (!OPEN.has(told.runtimeStatus)) ends.set(id, told)
        open = open.filter((id) => !ends.has(id))
        if (killed === kills || open.length === 0) continue
        killed += 1
        await mortal.kill(victims[Math.floor(random() * victims.length)] ?? 'host')
      }
    }
  } finally {
    await mortal.stop('SIGTERM')
    workspace.remove()
  }
  return [...ends.values()]
}

describe(`fifty orchestrations under kills, seed ${SEED}`, {
  ...UNLESS_MORE,
  timeout: 1_800_000,
}, () => {
  test('of the host: each completes with its sum', async (t) => {
    const ends = await play(['host'], Math.ceil(KILLS / 2))
    for (const { runtimeStatus, output } of ends) {
      assert.deepEqual([runtimeStatus, output], ['Completed', SUM])
    }
    t.diagnostic(`${Math.ceil(KILLS / 2)} kills, ${ends.length} instances`)
  })

  test('of host or worker: each completes with its sum, or fails because a worker died', async (t) => {
    const ends = await play(['host', 'worker'], Math.floor(KILLS / 2))
    const completed = ends.filter(({ runtimeStatus }) => runtimeStatus === 'Completed')
    for (const { output } of completed) assert.equal(output, SUM)
    for (const { runtimeStatus, output } of ends) {
      if (runtimeStatus === 'Completed') continue
      assert.equal(runtimeStatus, 'Failed')
      assert.match(String(output), WORKER_DIED)
    }
    const failed = ends.length - completed.length
    t.diagnostic(`${Math.floor(KILLS / 2)} kills, ${completed.length} completed, ${failed} failed`)
  })
})
