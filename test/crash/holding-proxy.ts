/**
 * A loopback proxy that can stop a request on its way, so that a process can be killed exactly
 * there (decision 003). It changes nothing of what it passes on, so signed requests stay valid.
 */
import { type ClientRequest, createServer, request, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface SeenRequest {
  method: string
  /** Path and query. */
  url: string
}

export interface Held extends SeenRequest {
  /** Passes it on (held before) or gives the answer back (held after). */
  release(): void
  /** Closes the caller's connection: the request, or its answer, is lost. */
  drop(): void
}

export interface HoldRule {
  match(request: SeenRequest): boolean
  /** `before` the effect, or `after` it with the answer kept back. */
  when: 'before' | 'after'
}

export interface HoldingProxy {
  url: string
  /** The next request that matches is held; one rule at a time. */
  holdNext(rule: HoldRule): Promise<Held>
  stop(): Promise<void>
}

interface Waiting extends HoldRule {
  reached(held: Held): void
}

export async function startHoldingProxy(target: string): Promise<HoldingProxy> {
  const to = new URL(target)
  let waiting: Waiting | undefined
  const sockets = new Set<Socket>()

  function take(seen: SeenRequest, when: HoldRule['when']): Waiting | undefined {
    if (waiting?.when !== when || !waiting.match(seen)) return undefined
    const rule = waiting
    waiting = undefined
    return rule
  }

  async function hold(rule: Waiting, seen: SeenRequest, socket: Socket): Promise<boolean> {
    return await new Promise<boolean>((resolve) => {
      rule.reached({
        ...seen,
        release: () => resolve(true),
        drop: () => {
          socket.destroy()
          resolve(false)
        },
      })
    })
  }

  const server: Server = createServer(async (incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '' }
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const before = take(seen, 'before')
    if (before && !(await hold(before, seen, incoming.socket))) return
    const after = take(seen, 'after')
    const forward: ClientRequest = request(
      {
        host: to.hostname,
        port: to.port,
        method: seen.method,
        path: seen.url,
        headers: incoming.headers,
      },
      async (answer) => {
        const body: Buffer[] = []
        for await (const chunk of answer) body.push(chunk as Buffer)
        if (after && !(await hold(after, seen, incoming.socket))) return
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        outgoing.end(Buffer.concat(body))
      },
    )
    forward.on('error', () => incoming.socket.destroy())
    forward.end(Buffer.concat(chunks))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    holdNext: (rule) =>
      new Promise<Held>((reached) => {
        waiting = { ...rule, reached }
      }),
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
