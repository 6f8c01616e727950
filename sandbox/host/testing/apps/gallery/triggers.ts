import { appendFileSync } from 'node:fs'
import { app, type Timer } from '@azure/functions'

function note(text: string): void {
  const file = process.env['EFFECTS_FILE']
  if (file !== undefined) appendFileSync(file, `${text}\n`)
}

app.timer('atStart', {
  schedule: '%TIMER_SCHEDULE%',
  runOnStartup: true,
  handler: (timer: Timer, context) => {
    note(`timer ${timer.isPastDue} ${typeof timer.scheduleStatus?.next}`)
    context.log('timer ran')
  },
})

if (process.env['QUEUE_STORAGE'] !== undefined) {
  app.storageQueue('fromQueue', {
    queueName: '%QUEUE_NAME%',
    connection: 'QUEUE_STORAGE',
    handler: (message: unknown, context) => {
      const count = context.triggerMetadata?.['dequeueCount']
      note(`queue ${typeof message} ${JSON.stringify(message)} ${count}`)
      if (typeof message === 'object' && message !== null && 'fail' in message) {
        throw new Error('refused')
      }
    },
  })
}
