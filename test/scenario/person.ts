/**
 * One person of a company, with a mailbox of their own, so that the scenarios of one file do not
 * meet: what is delivered, backed up, shown and judged here is of this mailbox alone.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Item, LedgerLine, RestoreRequest, Run } from '../../sandbox/run/api-client.ts'
import { type RestoreResult, restore } from '../../sandbox/run/restore.ts'
import type { MailboxSnapshot, RequestCounts } from '../../sandbox/tenant/index.ts'
import { judge, parseFidelity, type Verdict } from '../../sandbox/verdict/index.ts'
import type { Company } from './company.ts'

const FIDELITY = new URL('../../docs/fidelity.md', import.meta.url)

/** What a message is made of, beside what every delivery has. */
type Delivery = Partial<Parameters<Company['control']['deliver']>[0]>

/** A mailbox as it was, and the recovery point that has it. */
export interface Known {
  snapshot: MailboxSnapshot
  seq: number
}

export class Person {
  readonly company: Company
  readonly address: string

  constructor(company: Company, address: string) {
    this.company = company
    this.address = address
  }

  /** Somebody new in the directory, whom the next run over everybody finds. */
  static async hire(company: Company, name: string, locale = 'en-GB'): Promise<Person> {
    const address = `${name.toLowerCase().replace(' ', '.')}@contoso.example`
    await company.control.createUser({
      displayName: name,
      userPrincipalName: address,
      mailbox: { purpose: 'user', locale },
    })
    return new Person(company, address)
  }

  /** The immutable id of the new message. */
  async deliver(subject: string, more: Delivery = {}): Promise<string> {
    const message = { folder: 'inbox', subject, body: `The body of ${subject}`, ...more }
    return (await this.company.control.deliver({ ...message, user: this.address })).id
  }

  async deliverMany(count: number, name: string, more: Delivery = {}): Promise<string[]> {
    const ids: string[] = []
    for (let n = 1; n <= count; n += 1) ids.push(await this.deliver(`${name} ${n}`, more))
    return ids
  }

  async resource(): Promise<string> {
    const found = await this.company.resourceOf(this.address)
    assert.ok(found, `${this.address} was discovered`)
    return found.id
  }

  /** A run over this mailbox alone, to its end. */
  async backUp(): Promise<Run> {
    return await this.company.backUp([await this.resource()])
  }

  async backUpUntilDeleted(): Promise<void> {
    await this.company.backUpUntilDeleted([await this.resource()])
  }

  /** The run, and the requests that the tenant saw meanwhile; nobody else may be backed up. */
  async backUpCounted(): Promise<{ run: Run; seen: RequestCounts }> {
    await this.company.control.resetCounts({})
    const run = await this.backUp()
    return { run, seen: await this.company.control.counts({}) }
  }

  /** Holdfast shows what the tenant has: the same messages in the same folders. */
  async assertSame(): Promise<void> {
    assert.deepEqual(await this.company.held(this.address), await this.company.truth(this.address))
  }

  async ledger(): Promise<LedgerLine[]> {
    return await this.company.api.ledger(await this.resource())
  }

  snapshot(): Promise<MailboxSnapshot> {
    return this.company.control.snapshot({ user: this.address })
  }

  /** To be called after a backup, with nothing happening in between. */
  async remember(): Promise<Known> {
    const point = await this.company.api.newestPoint(await this.resource())
    assert.ok(point, 'a round is complete')
    return { snapshot: await this.snapshot(), seq: point.seq }
  }

  /** The one message of this subject, as Holdfast lists it now. */
  async item(subject: string): Promise<Item> {
    const resource = await this.resource()
    for (const { id } of await this.company.api.containers(resource)) {
      const items = await this.company.api.items(resource, id)
      const found = items.find(({ name }) => name === subject)
      if (found) return found
    }
    throw new Error(`"${subject}" is not held`)
  }

  async content(subject: string, as: 'mime' | 'json'): Promise<Buffer> {
    const { id } = await this.item(subject)
    return Buffer.from(await this.company.api.content(await this.resource(), id, as))
  }

  /** Takes every message away for good that people see. */
  async loseEverything(): Promise<void> {
    const { messages } = await this.snapshot()
    const visible = messages.filter(({ folderPath }) => !folderPath.startsWith('Recoverable'))
    for (const { immutableId: message } of visible) {
      await this.company.control.delete({ user: this.address, message, mode: 'hard' })
    }
  }

  /** Restores the whole mailbox as of `known`, leaving out what is there already. */
  async restore(known: Known): Promise<RestoreResult> {
    const request: RestoreRequest = {
      resource: await this.resource(),
      at: { seq: known.seq },
      selection: { all: true },
      destination: { kind: 'original' },
      conflict: 'skip',
    }
    return await restore(this.company.api, request, AbortSignal.timeout(this.company.waitMs))
  }

  /** The same, judged by the tenant's own state; `notStored`: immutable ids, see `judge`. */
  async restoreAndJudge(
    known: Known,
    notStored: readonly string[] = [],
  ): Promise<{ result: RestoreResult; verdict: Verdict }> {
    const damaged = await this.snapshot()
    const result = await this.restore(known)
    const verdict = this.judge(known, { damaged, after: await this.snapshot(), result, notStored })
    return { result, verdict }
  }

  /** No problem may be left but missing mail that the backup could not store (`notStored`). */
  judge(
    known: Known,
    outcome: {
      damaged: MailboxSnapshot
      after: MailboxSnapshot
      result: RestoreResult
      notStored?: readonly string[]
    },
  ): Verdict {
    const { damaged, after, result, notStored = [] } = outcome
    const refused = result.lines
      .filter((line) => line.outcome === 'refused')
      .map(({ name, container = '', code = '' }) => ({ name, folderName: container, code }))
    const verdict = judge(
      [
        {
          ...{ before: known.snapshot, damaged, after, refused },
          restores: [{ scope: 'all', conflict: 'skip' }],
          notStored: new Set(notStored),
        },
      ],
      parseFidelity(readFileSync(FIDELITY, 'utf8')),
    )
    const unlisted = verdict.differences.filter(({ listed }) => !listed)
    assert.deepEqual([verdict.problems, unlisted], [[], []], 'everything came back, once')
    assert.ok(verdict.ok)
    return verdict
  }
}

/** A pattern for faults that meets the calls of one message only; ids may have slashes in them. */
export function callsOf(message: string, rest = ''): string {
  return `/messages/${message.replaceAll(/[+/=]/g, '\\$&')}${rest}$`
}

/** The call for a message's content. */
export const CONTENT = '/\\$value'
