/**
 * One loopback HTTP server whose handler comes later: the address must be known before the app
 * is loaded. Until then every request gets 503.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HostError } from '../errors.ts'

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export class Listener {
  readonly #server: Server
  #handler: RequestHandler | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      if (this.#handler === undefined) {
        response.writeHead(503, { 'retry-after': '1' }).end()
        return
      }
      this.#handler(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined)
      })
    })
    // Functions may take as long as functionTimeout allows; clients bring their own limits.
    this.#server.requestTimeout = 0
  }

  /** 127.0.0.1 only. Port 0 takes a free one; throws `port-in-use` when the port is taken. */
  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE'
        const text = `port ${port} is in use; choose another one or 0 for a free one`
        reject(taken ? new HostError('port-in-use', text, { cause: error }) : error)
      })
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  serve(handler: RequestHandler): void {
    this.#handler = handler
  }

  /** Also cuts connections that are still open: their work was drained or abandoned before. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}
