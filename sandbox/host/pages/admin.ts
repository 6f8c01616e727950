/**
 * The addresses below /admin: state of the host, instances, the status page, running a timer.
 *
 * They ask for no key: only this machine reaches the host. Therefore a page of another site, which
 * a browser on this machine may show, is kept out: the host's name must be the loopback's (against
 * names that are pointed here), and a browser's request that changes something must come from the
 * host's own pages.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Instance } from '../durable/store.ts'
import type { RpcAnswer, RpcRequest } from '../http/plain.ts'
import { readBytes, writeAnswer } from '../http/plain.ts'
import { instancePage } from './instance-page.ts'
import type { InstanceQueries } from './instance-queries.ts'
import { instanceAddress, instancesPage, readFilter, rowsPerPage } from './instances-page.ts'
import { layout, type Place, pageHeaders } from './layout.ts'

const liveSeconds = 3

export interface AdminOptions {
  readonly queries: InstanceQueries
  readonly instance: (id: string) => Instance | undefined
  readonly history: (id: string) => readonly string[]
  readonly notes: (id: string) => readonly string[]
  readonly manage: (request: RpcRequest, segments: readonly string[]) => Promise<RpcAnswer>
  readonly place: () => Place
  /** The JSON pages by their path below /admin. */
  readonly data: (path: string) => unknown
  /** Runs a timer function now; false where there is none of this name. */
  readonly runTimer: (name: string) => boolean
}

export class AdminPages {
  readonly #options: AdminOptions

  constructor(options: AdminOptions) {
    this.#options = options
  }

  /** `segments`: the decoded path behind /admin. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    segments: readonly string[],
  ): Promise<void> {
    const refused = refuse(request)
    if (refused !== undefined) return writeAnswer(response, { status: 403, text: refused })
    const body = await readBytes(request)
    if (request.method === 'POST') return writeAnswer(response, await this.#post(segments, body))
    if (request.method !== 'GET') return writeAnswer(response, { status: 404 })
    if (segments[0] !== 'durable') {
      const json = this.#options.data(segments.join('/'))
      return writeAnswer(response, json === undefined ? { status: 404 } : { status: 200, json })
    }
    const page = this.#page(segments, url.searchParams)
    if (page === undefined) return writeAnswer(response, { status: 404 })
    response.writeHead(200, pageHeaders).end(page)
  }

  async #post(segments: readonly string[], body: Uint8Array): Promise<RpcAnswer> {
    const [area, name, operation] = segments
    if (area === 'functions' && name !== undefined && segments.length === 2) {
      return { status: this.#options.runTimer(name) ? 202 : 404 }
    }
    if (area !== 'durable' || name === undefined || operation !== 'terminate') {
      return { status: 404 }
    }
    const form = new URLSearchParams(Buffer.from(body).toString('utf8'))
    const query = new URLSearchParams({ reason: form.get('reason') || 'terminated on the page' })
    const request = { method: 'POST', query, headers: {}, body: '' }
    const { status } = await this.#options.manage(request, ['instances', name, 'terminate'])
    if (status === 404) return { status }
    return { status: 303, headers: { location: instanceAddress(name) } }
  }

  #page(segments: readonly string[], query: URLSearchParams): string | undefined {
    const { queries, place } = this.#options
    const nowMs = Date.now()
    const [, id] = segments
    const live = query.get('live') === '1'
    const refreshSeconds = live ? liveSeconds : undefined
    if (id === undefined) {
      const filter = readFilter(query)
      const rows = queries.page(filter, rowsPerPage)
      const body = instancesPage({ filter, live, rows, nowMs, counts: queries.counts() })
      return layout({ title: 'Orchestrations', place: place(), refreshSeconds, body })
    }
    const instance = this.#options.instance(id)
    if (instance === undefined || segments.length > 2) return undefined
    const history = this.#options.history(id)
    const notes = this.#options.notes(id)
    const body = instancePage({ instance, history, notes, nowMs, pending: queries.pending(id) })
    return layout({ title: id, place: place(), refreshSeconds, body })
  }
}

/** Why a request is refused; undefined when it is not. Programs send none of these headers. */
function refuse(request: IncomingMessage): string | undefined {
  const { host = '', origin } = request.headers
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host)) {
    return 'this address is for 127.0.0.1 only'
  }
  if (request.method === 'GET') return undefined
  const site = request.headers['sec-fetch-site']
  const foreign = site !== undefined && site !== 'same-origin'
  if (foreign || (origin !== undefined && origin !== `http://${host}`)) {
    return 'the request comes from another site'
  }
  return undefined
}
