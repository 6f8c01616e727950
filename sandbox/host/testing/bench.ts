/**
 * `npm run bench:host [-- --json]`: how quick the embedded host is.
 *
 * - activities that do nothing, of many orchestrations at once: completions a second;
 * - one orchestration with a thousand activities, and what its replays cost: episodes, and bytes of
 *   history that went to the worker;
 * - how long a new instance takes in an empty state file, and beside 10,000 that have finished.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Host, startHost } from '../index.ts'

const APP_DIR = fileURLToPath(new URL('./apps/bench', import.meta.url))
const STARTS_AT_ONCE = 16
const POLL_MS = 10
const WAIT_MS = 600_000
const RUNS = 51

interface Work {
  rounds: number
  atOnce: number
}

interface Measure {
  id: string
  status: string
  events: number
  historyBytes: number
}

class Bench {
  readonly #host: Host
  readonly #code: string
  #started = 0

  constructor(host: Host, code: string) {
    this.#host = host
    this.#code = code
  }

  /** Milliseconds until so many instances with this work have ended, started side by side. */
  async timeOf(instances: number, work: Work): Promise<number> {
    const ids = Array.from({ length: instances }, (_, n) => `bench-${this.#started + n}`)
    this.#started += instances
    const from = performance.now()
    const waiting = [...ids]
    const lane = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        await this.#start(id, work)
        await this.#ended(id)
      }
    }
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane))
    return performance.now() - from
  }

  /** Of the newest instance. */
  async measure(): Promise<Measure> {
    const response = await fetch(`${this.#host.url}/admin/instances`)
    const [newest] = (await response.json()) as Measure[]
    if (newest === undefined) throw new RangeError('there is no instance')
    return newest
  }

  async #start(id: string, work: Work): Promise<void> {
    const address = `${this.#base}/orchestrators/work/${id}?code=${this.#code}`
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(work) })
    if (answer.status !== 202) throw new Error(`a start was answered with ${answer.status}`)
    await answer.arrayBuffer()
  }

  async #ended(id: string): Promise<void> {
    const address = `${this.#base}/instances/${id}?showInput=false&code=${this.#code}`
    const endMs = Date.now() + WAIT_MS
    while (Date.now() < endMs) {
      const answer = await fetch(address)
      const { runtimeStatus } = (await answer.json()) as { runtimeStatus: string }
      if (runtimeStatus === 'Completed') return
      if (runtimeStatus === 'Failed') throw new Error(`${id} failed`)
      await sleep(POLL_MS)
    }
    throw new Error(`${id} took longer than ${WAIT_MS} ms`)
  }

  get #base(): string {
    return `${this.#host.url}/runtime/webhooks/durabletask`
  }
}

/** The system key, from the links that the app makes. */
async function codeOf({ url }: Host): Promise<string> {
  const links = (await (await fetch(`${url}/api/links`)).json()) as { statusQueryGetUri: string }
  return new URL(links.statusQueryGetUri).searchParams.get('code') ?? ''
}

/**
 * Middles of several runs of each, in turns: what slows the machine down meanwhile slows both, so
 * that their ratio holds.
 */
async function mediansOf(
  times: number,
  one: () => Promise<number>,
  other: () => Promise<number>,
): Promise<[number, number]> {
  const [ofOne, ofOther]: [number[], number[]] = [[], []]
  for (let n = 0; n < times; n += 1) {
    ofOne.push(await one())
    ofOther.push(await other())
  }
  return [middleOf(ofOne), middleOf(ofOther)]
}

const middleOf = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN

/** A history that grows to `events` in so many episodes was sent from its beginning in each. */
const replayedBytes = (bytes: number, episodes: number): number =>
  Math.round((bytes * (episodes + 1)) / 2)

async function figures(fresh: Bench, full: Bench, finished: number) {
  for (const bench of [fresh, full]) await bench.timeOf(20, { rounds: 2, atOnce: 5 })
  const [instances, rounds, atOnce] = [40, 5, 20]
  const many = await full.timeOf(instances, { rounds, atOnce })
  const large = await full.timeOf(1, { rounds: 100, atOnce: 10 })
  const { events, historyBytes } = await full.measure()
  const filling = await full.timeOf(finished, { rounds: 1, atOnce: 1 })
  const one = (bench: Bench) => () => bench.timeOf(1, { rounds: 5, atOnce: 4 })
  const [before, after] = await mediansOf(RUNS, one(fresh), one(full))
  return {
    activitiesPerSecond: Math.round((instances * rounds * atOnce) / (many / 1000)),
    thousandActivities: {
      ms: Math.round(large),
      events,
      historyBytes,
      replayedBytes: replayedBytes(historyBytes, 100),
    },
    finishedInstances: finished,
    startedAndEndedPerSecond: Math.round(finished / (filling / 1000)),
    newInstanceMs: {
      alone: round(before),
      besideFinished: round(after),
      ratio: round(after / before),
    },
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    finished: { type: 'string', default: '10000' },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-host-'))
const hosts: Host[] = []

async function aBench(): Promise<Bench> {
  const stateFile = join(folder, `state-${hosts.length}.db`)
  const host = await startHost({ appDir: APP_DIR, port: 0, stateFile })
  hosts.push(host)
  return new Bench(host, await codeOf(host))
}

try {
  const result = await figures(await aBench(), await aBench(), Number(values.finished))
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : text(result))
} finally {
  for (const host of hosts) await host.stop()
  rmSync(folder, { recursive: true, force: true })
}

function text(result: Awaited<ReturnType<typeof figures>>): string {
  const { thousandActivities: large, newInstanceMs: time } = result
  return [
    `activities that do nothing            ${result.activitiesPerSecond} a second`,
    `one instance with 1,000 activities    ${large.ms} ms, ${large.events} events of ${large.historyBytes} bytes,`,
    `                                      ${large.replayedBytes} bytes of history in all replays`,
    `instances with one activity           ${result.startedAndEndedPerSecond} a second`,
    `a new instance, 20 activities         ${time.alone} ms; ${time.besideFinished} ms beside ${result.finishedInstances} finished ones: ${time.ratio} of it`,
    '',
  ].join('\n')
}
