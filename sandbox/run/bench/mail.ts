/**
 * What a first backup of mail costs, in requests and in memory, and what is asked for afterwards:
 * where nothing changed, for new mail, for flags. Requests are counted by the tenant, not by the
 * app. Azurite works in memory, so that no disk is measured.
 */
import type { ControlClient } from '../../tenant/index.ts'
import { backUp } from '../backup.ts'
import { mailboxUsers, protectedFolders, protectedHoldings } from '../mailboxes.ts'
import { watchMemory } from '../memory.ts'
import { countText } from '../progress.ts'
import { tick } from '../tick.ts'
import { type BenchStack, SEED, type Surroundings, withStack } from './bench-stack.ts'
import { type MailFigures, mailFigures } from './mail-figures.ts'
import type { MailSizes } from './options.ts'

/** New messages in each mailbox before the incremental run. */
const NEW_MAIL = 10
/** Messages that are flagged, over all mailboxes. */
const FLAGS = 1000

export function benchMail(sizes: MailSizes, surroundings: Surroundings): Promise<MailFigures> {
  const { mailboxes, messages, bodyBytes } = sizes
  const { out } = surroundings
  out.write(`${countText(messages)} messages over ${countText(mailboxes)} mailboxes\n`)
  const seed = { seed: SEED, users: mailboxes, messages: messages / mailboxes, bodyBytes }
  return withStack(surroundings, { seed, azuriteInMemory: true }, (bench) =>
    measure(bench, mailboxes),
  )
}

async function measure(bench: BenchStack, mailboxes: number): Promise<MailFigures> {
  const { stack, api, out, signal } = bench
  const { control, workerPids } = stack
  const { messages, folders } = await protectedHoldings(control)
  const memory = watchMemory(() => workerPids)
  const total = messages + folders
  const first = await backUp({ api, control, title: 'first run', total, out, signal })
  const asked = (title: string) => backUp({ api, control, title, total: undefined, out, signal })
  const quiet = await asked('a round of all')
  const unchanged = await tick(stack, api, signal)
  const delivered = await deliver(control, signal)
  const incremental = await tick(stack, api, signal)
  const flagged = await flag(control, signal)
  const flags = await asked('flags')
  await memory.stop()
  return mailFigures({
    ...{ first, quiet, unchanged, incremental, delivered, flags, flagged, messages, mailboxes },
    ...{ mb: memory.peakMb(), workerDeaths: workerPids.length - 1 },
    folders: await protectedFolders(control),
  })
}
/** New mail for everybody; how much it was. */
async function deliver(control: ControlClient, signal: AbortSignal): Promise<number> {
  const users = await mailboxUsers(control)
  for (const { id: user } of users) {
    for (let n = 0; n < NEW_MAIL; n += 1) {
      signal.throwIfAborted()
      await control.deliver({ user, subject: `New mail ${n}`, body: 'Something new.' })
    }
  }
  return users.length * NEW_MAIL
}

/** Flags mail in every inbox, the same share in each; how much it was. */
async function flag(control: ControlClient, signal: AbortSignal): Promise<number> {
  const users = await mailboxUsers(control)
  const share = Math.ceil(FLAGS / users.length)
  let flagged = 0
  for (const { id: user } of users) {
    const { messages } = await control.messages({ user, folder: 'inbox' })
    // Seeded mail has flags and none that is complete, so each of these is a change.
    for (const { id } of messages.slice(0, share)) {
      signal.throwIfAborted()
      await control.flag({ user, message: id, flagStatus: 'complete' })
      flagged += 1
    }
  }
  return flagged
}
