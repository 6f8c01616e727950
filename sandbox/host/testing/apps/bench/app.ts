/** Fixture of `npm run bench:host`: activities that do nothing, one after the other and at once. */
import * as df from 'durable-functions'

interface Work {
  /** One after the other. */
  rounds: number
  /** Activities of a round, at once. */
  atOnce: number
}

df.app.activity('nothing', { handler: () => undefined })

df.app.orchestration('work', function* (context) {
  const { rounds, atOnce }: Work = context.df.getInput() ?? { rounds: 1, atOnce: 1 }
  for (let round = 0; round < rounds; round += 1) {
    const tasks = Array.from({ length: atOnce }, (_, n) =>
      context.df.callActivity('nothing', { n }),
    )
    yield context.df.Task.all(tasks)
  }
  return rounds * atOnce
})

/** Where the management API is, with its key. */
df.app.client.http('links', {
  methods: ['GET'],
  handler: (_request, client) => ({ jsonBody: client.createHttpManagementPayload('any') }),
})
