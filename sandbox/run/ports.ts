/**
 * Which ports the sandbox listens on: six in a row from a base, or free ones.
 *
 * The default base is nobody's usual port and below the range from which systems give out free
 * ports (32768 and up), so that addresses stay the same from start to start.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { EXIT_CODES, Trouble } from './trouble.ts'

export const DEFAULT_PORT_BASE = 27_640

const USERS = [
  ['host', 'the API of Holdfast'],
  ['tenant', 'the simulated tenant'],
  ['control', 'the control interface of the tenant'],
  ['blob', 'Azurite, blobs'],
  ['queue', 'Azurite, queues'],
  ['table', 'Azurite, tables'],
] as const
type PortUser = (typeof USERS)[number][0]

/** 0: a free port. */
export type Ports = Readonly<Record<PortUser, number>>

export const PORT_BASE_MAX = 65_535 - USERS.length

export const FREE_PORTS: Ports = { host: 0, tenant: 0, control: 0, blob: 0, queue: 0, table: 0 }

export function portsFrom(base: number): Ports {
  const numbered = USERS.map(([user], n) => [user, base + n] as const)
  return { ...FREE_PORTS, ...Object.fromEntries(numbered) }
}

/** Throws a Trouble that names the first port in use. Looks now; a later taker is told later. */
export async function checkPorts(ports: Ports): Promise<void> {
  for (const [user, what] of USERS) {
    const port = ports[user]
    if (port === 0 || (await isFree(port))) continue
    throw new Trouble(`Port ${port} is in use, and ${what} needs it.`, {
      hint:
        'Another sandbox may be running: stop it (Ctrl-C in its terminal), or use other ports, ' +
        `for example: npm start -- --port-base ${otherBase(Math.min(...Object.values(ports)))}`,
      exitCode: EXIT_CODES.notStarted,
    })
  }
}

function otherBase(base: number): number {
  const step = 100
  return base + step <= PORT_BASE_MAX ? base + step : DEFAULT_PORT_BASE
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  } finally {
    server.close()
  }
}
