/**
 * What makes the sample tenant of `npm start` like a real one: a shared mailbox, one that
 * is on-premises, and a message that the service cannot read. (The generator adds somebody without
 * a mailbox.)
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { ControlClient } from '../tenant/index.ts'
import { mailboxUsers } from './mailboxes.ts'

const DOMAIN = 'sandbox.example'
const SHARED = `reception@${DOMAIN}`
const ON_PREMISES = `nils.holm@${DOMAIN}`
const SHARED_MAIL = ['Parcel for Ada at the desk', 'Room 4 is booked twice on Thursday']

/** Adds the people to a new tenant. They sign in to nothing; mail of the shared one is real. */
export async function addOddCases(control: ControlClient): Promise<void> {
  await control.createUser({
    ...{ displayName: 'Nils Holm', userPrincipalName: ON_PREMISES },
    mailbox: { purpose: 'user', locale: 'en' },
  })
  await control.setMailboxCondition({ user: ON_PREMISES, condition: 'on-premises' })
  await control.createUser({
    ...{ displayName: 'Reception', userPrincipalName: SHARED },
    mailbox: { purpose: 'shared', locale: 'en' },
  })
  for (const subject of SHARED_MAIL) {
    await control.deliver({ user: SHARED, subject, body: 'See the note on the desk.' })
  }
}

/** The same message at every start: faults live in the tenant's memory, and this one stays. */
export async function corruptOne(control: ControlClient, file: string): Promise<void> {
  const message = existsSync(file) ? readFileSync(file, 'utf8') : await pick(control)
  if (message === undefined) return
  writeFileSync(file, message)
  await control.addFault({
    ...{ method: 'GET', action: 'fail', status: 500, code: 'ErrorCorruptData', rate: 1 },
    path: `/messages/${escaped(message)}/\\$value$`,
    message: 'Data is corrupt.',
  })
}

async function pick(control: ControlClient): Promise<string | undefined> {
  const [, second] = await mailboxUsers(control)
  if (second === undefined) return undefined
  const { messages } = await control.messages({ user: second.address, folder: 'sentitems' })
  return messages.at(-1)?.id
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
