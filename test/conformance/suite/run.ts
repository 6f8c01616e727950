/**
 * One case on one host: starts instances, does things to them, and reads what came of it, all of it
 * over HTTP, so that it works on any Functions host that runs the app of this suite.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConformanceCase, Transcript } from './case.ts'
import { type StatusAnswer, transcriptOf } from './transcript.ts'

const STEP_MS = 50
const OPEN: ReadonlySet<string> = new Set(['Pending', 'Running', 'Suspended', 'ContinuedAsNew'])
/** An instance stands still when nothing of it has changed for so long. */
const STILL_MS = 1500

export interface HostUnderTest {
  /** Without a slash at its end. */
  readonly url: string
  /** How long a case may take; a real host polls its queues. */
  readonly waitMs: number
  readonly isEmbedded: boolean
  /** Of a second host, which runs the app that streams. */
  readonly streamingUrl?: string
  /** Kills the host as a power cut does, and starts it again on the same state. */
  readonly restart?: (env?: Readonly<Record<string, string>>) => Promise<void>
}

export interface ClientAnswer {
  readonly value?: unknown
  readonly error?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

type Links = Readonly<Record<string, string>>

export class Run {
  readonly #host: HostUnderTest
  readonly #case: ConformanceCase
  /** Of the instance whose transcript it is. */
  readonly id: string
  readonly #notes: unknown[] = []

  constructor(host: HostUnderTest, testCase: ConformanceCase, tag: string) {
    this.#host = host
    this.#case = testCase
    this.id = `${testCase.id}-${tag}`
  }

  /** Another id of this run, for children and for instances beside it. */
  other(name: string): string {
    return `${this.id}-${name}`
  }

  get host(): HostUnderTest {
    return this.#host
  }

  /** Something to compare besides what the instance tells. */
  note(...what: readonly unknown[]): void {
    this.#notes.push(...what)
  }

  /** Calls a method of the SDK's client within the app. */
  async client(method: string, ...args: readonly unknown[]): Promise<ClientAnswer> {
    const { status, body } = await this.http('POST', '/api/client', { json: { method, args } })
    if (status !== 200) throw new Error(`the client function answered ${status}`)
    return body as ClientAnswer
  }

  /** Throws what the client throws. */
  async start(
    options: { name?: string; id?: string; input?: unknown; version?: string } = {},
  ): Promise<void> {
    const { name = this.#case.id, id = this.id, version } = options
    const input = 'input' in options ? options.input : (this.#case.input ?? {})
    const given = {
      instanceId: id,
      ...(input !== undefined && { input }),
      ...(version && { version }),
    }
    const answer = await this.client('startNew', name, given)
    if (answer.error !== undefined) throw new Error(answer.error)
  }

  async raise(name: string, data: unknown, id = this.id): Promise<ClientAnswer> {
    return await this.client('raiseEvent', id, name, data)
  }

  /** `undefined`: there is no such instance. */
  async status(id = this.id): Promise<StatusAnswer | undefined> {
    const { statusQueryGetUri = '' } = await this.links(id)
    const query = 'showHistory=true&showHistoryOutput=true'
    const { status, body } = await this.http('GET', `${statusQueryGetUri}&${query}`)
    if (status === 404) return undefined
    // A history that the extension cannot show: the rest is told without it.
    if (status === 400) return (await this.http('GET', statusQueryGetUri)).body as StatusAnswer
    return body as StatusAnswer
  }

  /** The management addresses of an instance, with their key. */
  async links(id = this.id): Promise<Links> {
    const { body } = await this.http('GET', `/api/links?id=${encodeURIComponent(id)}`)
    return body as Links
  }

  async effects(id = this.id): Promise<string[]> {
    const { body } = await this.http('GET', `/api/effects?id=${encodeURIComponent(id)}`)
    return body as string[]
  }

  /** Waits until it has ended. */
  async ended(id = this.id): Promise<StatusAnswer> {
    return await this.#until(`${id} to end`, async () => {
      const answer = await this.status(id)
      return answer && !OPEN.has(answer.runtimeStatus) ? answer : undefined
    })
  }

  /** Waits until an activity of it has done this. */
  async effect(text: string, id = this.id): Promise<void> {
    await this.#until(`the effect "${text}" of ${id}`, async () =>
      (await this.effects(id)).includes(text) ? true : undefined,
    )
  }

  /** Waits until this is so many events long, or longer. */
  async events(count: number, id = this.id): Promise<void> {
    await this.#until(`${count} events of ${id}`, async () => {
      const told = (await this.status(id))?.historyEvents?.length ?? 0
      return told >= count ? true : undefined
    })
  }

  /** Waits until it has this status. */
  async reached(wanted: string, id = this.id): Promise<StatusAnswer> {
    return await this.#until(`${id} to be ${wanted}`, async () => {
      const answer = await this.status(id)
      return answer?.runtimeStatus === wanted ? answer : undefined
    })
  }

  /** Waits until it has ended, or nothing of it changes any more. */
  async still(id = this.id, forMs = STILL_MS): Promise<void> {
    let last = ''
    let since = Date.now()
    await this.#until(`${id} to stand still`, async () => {
      const told = await this.status(id)
      if (told && !OPEN.has(told.runtimeStatus)) return true
      const now = JSON.stringify([told, await this.effects(id)])
      if (now !== last) [last, since] = [now, Date.now()]
      return Date.now() - since >= forMs && told ? true : undefined
    })
  }

  async pause(ms: number): Promise<void> {
    await sleep(ms)
  }

  /** The address is a path of the host, or a whole one. */
  async http(
    method: string,
    address: string,
    { json, body, headers = {} }: HttpOptions = {},
  ): Promise<Answer> {
    const url = address.startsWith('/') ? `${this.#host.url}${address}` : this.#reachable(address)
    const sent = json === undefined ? body : JSON.stringify(json)
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url, {
      method,
      headers: { ...type, ...headers },
      ...(sent !== undefined && { body: sent }),
      signal: AbortSignal.timeout(this.#host.waitMs),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: parsed(text, response.headers.get('content-type') ?? ''),
    }
  }

  /** What is compared in the end. */
  async transcript(): Promise<Transcript> {
    const effects = await this.effects()
    const notes = this.#notes
    return transcriptOf(await this.status(), { id: this.id, effects, notes })
  }

  /** A host behind a port of its own tells links with the port that it has itself. */
  #reachable(link: string): string {
    const { pathname, search } = new URL(link)
    return `${this.#host.url}${pathname}${search}`
  }

  async #until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const endMs = Date.now() + this.#host.waitMs
    let failure: unknown
    while (Date.now() < endMs) {
      try {
        const answer = await ask()
        if (answer !== undefined) return answer
      } catch (error) {
        // The worker may be the one that the case has just ended.
        failure = error
      }
      await sleep(STEP_MS)
    }
    throw new Error(`waited ${this.#host.waitMs} ms for ${what}`, { cause: failure })
  }
}

export interface HttpOptions {
  readonly json?: unknown
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

function parsed(text: string, type: string): unknown {
  return type.includes('json') && text !== '' ? JSON.parse(text) : text
}

/** What this host is to give. */
export const expectedOf = (host: HostUnderTest, { expect, embedded }: ConformanceCase) =>
  host.isEmbedded && embedded ? embedded.expect : expect

/** Runs the case to its end and answers its transcript. */
export async function runCase(
  host: HostUnderTest,
  testCase: ConformanceCase,
  tag: string,
): Promise<Transcript> {
  const run = new Run(host, testCase, tag)
  if (testCase.drive) {
    await testCase.drive(run)
  } else {
    await run.start()
    if (OPEN.has(testCase.expect.status ?? 'Running')) await run.still()
    else await run.ended()
  }
  return await run.transcript()
}
