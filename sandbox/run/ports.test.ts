import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { checkPorts, FREE_PORTS, PORT_BASE_MAX, portsFrom } from './ports.ts'

test('six ports in a row follow from the base', () => {
  assert.deepEqual(Object.values(portsFrom(100)), [100, 101, 102, 103, 104, 105])
  assert.ok(Math.max(...Object.values(portsFrom(PORT_BASE_MAX))) <= 65_535)
})

test('a port in use is named, with who needs it and what to do, and exit code 2', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await assert.rejects(checkPorts({ ...FREE_PORTS, control: port }), {
      message: `Port ${port} is in use, and the control interface of the tenant needs it.`,
      hint: /--port-base \d+/,
      exitCode: 2,
    })
  } finally {
    server.close()
  }
  await checkPorts({ ...FREE_PORTS, control: port })
})
