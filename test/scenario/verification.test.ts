/**
 * P10 through the real host: a verification begins by its timer, goes over all that is held, leaves a
 * report in `ops`, and the API says until when everybody is verified, and who is damaged.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { azureTableStore } from '../../src/adapters/azure-table.ts'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import { createCatalogue } from '../../src/catalogue/index.ts'
import type { Catalogue, Verification } from '../../src/catalogue/types.ts'
import { newVerification } from '../../src/runs/verify/index.ts'
import { Company } from './company.ts'

const MINUTE_MS = 60_000
const SUBJECT = 'Nobody else reads this'

interface Owners {
  total: number
  neverVerified: number
  oldestVerifiedUntil?: string
  damaged: number
}

interface Report {
  verification: string
  owners: Record<string, number>
  counts: Record<string, number>
  findings: Record<string, unknown>[]
}

describe('what a company holds', { timeout: 240_000 }, () => {
  let company: Company
  let catalogue: Catalogue
  let vault: ContainerClient
  let ops: ContainerClient
  let until = ''

  before(async () => {
    company = await Company.start({
      ...{ users: 2, messages: 6, files: { files: 3 } },
      settings: { HOLDFAST_START_WITHIN_SECONDS: '1' },
    })
    const { connectionString } = company.stack.azurite
    catalogue = createCatalogue({
      tables: azureTableStore({ connectionString }),
      tenantId: company.stack.tenantId,
      ...{ clock: systemClock, random: systemRandomness, protectionDays: 30, generationDays: 30 },
    })
    const service = BlobServiceClient.fromConnectionString(connectionString)
    vault = service.getContainerClient('vault')
    ops = service.getContainerClient('ops')
    await company.api.setup()
    const { users } = await company.control.users({})
    const from = { name: 'Someone', address: 'someone@elsewhere.example' }
    const user = users[0]?.profile.userPrincipalName ?? ''
    await company.control.deliver({ user, folder: 'inbox', subject: SUBJECT, body: 'b', from })
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  const soon = () => AbortSignal.timeout(10_000)

  async function newest(): Promise<Verification | undefined> {
    return (await catalogue.verifications.list({ max: 1 }, soon())).items[0]
  }

  async function done(id: string): Promise<Verification> {
    await company.until(`verification ${id}`, async () => {
      return (await catalogue.verifications.get(id, soon()))?.state === 'done'
    })
    const row = await catalogue.verifications.get(id, soon())
    assert.ok(row)
    return row
  }

  async function packs(): Promise<string[]> {
    const names = []
    for await (const { name } of vault.listBlobsFlat({ prefix: 'packs/' })) names.push(name)
    return names
  }

  async function owners(): Promise<Owners> {
    return (await company.call('GET', 'status')).json['owners'] as unknown as Owners
  }

  async function reports(): Promise<Map<string, Report>> {
    const found = new Map<string, Report>()
    for await (const { name } of ops.listBlobsFlat({ prefix: 'verify/' })) {
      const text = await ops.getBlobClient(name).downloadToBuffer()
      assert.doesNotMatch(text.toString(), new RegExp(SUBJECT), 'P9')
      found.set(name, JSON.parse(text.toString()))
    }
    return found
  }

  test('P10: is verified by a timer, which leaves a report and says until when', async () => {
    const { total, neverVerified } = await owners()
    assert.ok(total > 2)
    assert.equal(neverVerified, total)
    await company.trigger('beginVerification')
    await company.until('a verification', async () => (await newest()) !== undefined)
    const row = await done((await newest())?.id ?? '')
    const [[name, report] = [], ...others] = await reports()
    assert.deepEqual(others, [])
    assert.equal(name, row.report)
    assert.equal(report?.verification, row.id)
    assert.deepEqual([report?.owners['owners'], report?.owners['opened']], [total, total])
    assert.deepEqual(report?.findings, [])
    assert.equal(report?.counts['opened'], report?.counts['segments'])
    const after = await owners()
    assert.deepEqual([after.neverVerified, after.damaged], [0, 0])
    until = after.oldestVerifiedUntil ?? ''
    const beganAt = Date.parse(row.createdAt)
    assert.ok(
      Date.parse(until) < beganAt + MINUTE_MS && Date.parse(until) > beganAt - 15 * MINUTE_MS,
    )
    for (const { coverage } of await company.api.resources()) {
      if (coverage === undefined) continue
      const { verifiedUntil } = coverage as { verifiedUntil?: string }
      assert.ok(verifiedUntil && verifiedUntil >= until)
    }
  })

  test('P10: is not verified again before it is due', async () => {
    await company.trigger('beginVerification')
    await company.trigger('beginVerification')
    await company.backUp()
    assert.equal((await reports()).size, 1)
  })

  test('P10: a pack that somebody spoilt is named, though the start of who found it was lost', async () => {
    const [spoilt = ''] = await packs()
    await vault.getBlockBlobClient(spoilt).upload('spoilt', 6)
    // As if who inserted it had died at once: the reconciler starts it.
    const asked = newVerification({ id: 'v-lost', openPercent: 100, seed: 's' }, Date.now())
    await catalogue.verifications.insert(asked, soon())
    await company.until('a start', async () => {
      await company.trigger('reconcile')
      return (await newest())?.state !== 'queued'
    })
    const row = await done(asked.id)
    assert.ok(row.attempt > 1)
    assert.equal(row.counts.damaged, 1)
    const report = (await reports()).get(row.report ?? '')
    assert.ok(report?.findings.some(({ blob }) => blob === spoilt))
    const seen = await owners()
    assert.deepEqual([seen.damaged, seen.neverVerified], [1, 0])
    assert.equal(seen.oldestVerifiedUntil, until, 'what was verified before stays so')
  })
})
