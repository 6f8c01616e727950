/** Calls to the service that pass the process: it may die or sleep there like anywhere else. */
import type { SimulatedProcess } from '../sandbox/storage/index.ts'
import type { LongReader, StreamReader, Workload } from '../src/workloads/workload.ts'

/** Happens before each call of the reader. */
export type BeforeCall = (n: number) => Promise<void>

type Pass = <T>(op: string, target: string, effect: () => Promise<T>) => Promise<T>

export function through(
  process: SimulatedProcess,
  workload: Workload,
  beforeCall: BeforeCall = async () => undefined,
): Workload {
  let calls = 0
  const pass: Pass = async (op, target, effect) => {
    calls += 1
    await beforeCall(calls)
    return await process.call({ port: 'graph', op, target }, effect)
  }
  return { ...workload, reader: (owner) => passingReader(workload.reader(owner), pass) }
}

function passingReader(reader: StreamReader, pass: Pass): StreamReader {
  const { newest, permissions, long, units } = reader
  return {
    // One at a time: what runs side by side may pass the compressor in any order, and call k must
    // be the same call in every run.
    concurrency: 1,
    requests: () => reader.requests(),
    ...(units && { units: () => units() }),
    changes: (container, link, signal) =>
      pass('changes', container, () => reader.changes(container, link, signal)),
    content: (item, signal) => pass('content', item.id, () => reader.content(item, signal)),
    item: (id, signal) => pass('item', id, () => reader.item(id, signal)),
    ...(newest && {
      newest: (container, from, signal) =>
        pass('newest', container, () => newest(container, from, signal)),
    }),
    ...(permissions && {
      permissions: (item, signal) => pass('permissions', item.id, () => permissions(item, signal)),
    }),
    ...(long && { long: passingLong(long, pass) }),
  }
}

function passingLong(long: LongReader, pass: Pass): LongReader {
  return {
    ...long,
    async *read(item, from, pieceBytes, signal) {
      const pieces = long.read(item, from, pieceBytes, signal)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const { done, value } = await pass('piece', item.id, () => pieces.next())
          if (done) return
          yield value
        }
      } finally {
        await pieces.return?.()
      }
    },
  }
}
