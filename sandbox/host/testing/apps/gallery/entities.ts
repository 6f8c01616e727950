import { appendFileSync } from 'node:fs'
import type { EntityContext, OrchestrationContext } from 'durable-functions'
import * as df from 'durable-functions'

/** Each operation leaves a line, so that tests see what ran twice. */
df.app.entity('Counter', (context: EntityContext<number>) => {
  const value = context.df.getState(() => 0) ?? 0
  const { operationName, entityId } = context.df
  const input: unknown = context.df.getInput()
  const file = process.env['EFFECTS_FILE']
  if (file !== undefined) appendFileSync(file, `${entityId.key} ${operationName} ${input}\n`)
  if (operationName === 'add') context.df.setState(value + Number(input))
  else context.df.return(value)
})
df.app.orchestration('asksEntities', function* (context: OrchestrationContext) {
  const steps = context.df.getInput<{ op: string; key: string; input?: unknown }[]>() ?? []
  const answers: unknown[] = []
  for (const { key, op, input } of steps) {
    answers.push(yield context.df.callEntity(new df.EntityId('counter', key), op, input))
  }
  return answers
})
