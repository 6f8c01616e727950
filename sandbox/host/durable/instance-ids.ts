/** The rules for instance ids, as the extension checks them at a start. Pure. */

const idLengthMax = 256
/** Durable Task Scheduler: up to 100 printable ASCII characters. */
const schedulerId = /^[\x20-\x7E]{1,100}$/

/** Whose rules hold: those of the extension alone, or those of Durable Task Scheduler too. */
export type InstanceIdRule = 'azure-storage' | 'dts'
// `/` and `\` never get here: they make further path segments and the route answers 404.
const forbidden = /[/\\#?\p{Cc}]/u

/** Whether a text has a character that neither instance ids nor entity keys may have. */
export function hasForbiddenCharacter(text: string): boolean {
  return forbidden.test(text)
}

/** The reason for refusing an id, or undefined when it is allowed. */
export function refuseInstanceId(id: string, rule: InstanceIdRule): string | undefined {
  if (id.length > idLengthMax)
    return `Instance ID lengths must not exceed ${idLengthMax} characters.`
  if (id.startsWith('@')) return 'Orchestration instance ids must not start with @.'
  if (forbidden.test(id)) {
    return 'Instance IDs must not contain /, \\, #, ?, or control characters.'
  }
  if (rule === 'dts' && !schedulerId.test(id)) {
    return 'Durable Task Scheduler takes instance IDs of at most 100 printable ASCII characters.'
  }
  return undefined
}
