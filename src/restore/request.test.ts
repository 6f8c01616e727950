import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, iso, NEVER } from '../catalogue/testing/fixtures.ts'
import { AppError } from '../model/errors.ts'
import { keyHash } from '../model/ids.ts'
import { CONTAINERS_SELECTED_MAX, ITEMS_SELECTED_MAX, parseRestoreRequest } from './request.ts'
import { makeWorld, OTHER, START_MS, type World } from './testing/world.ts'

const body = (changes: Readonly<Record<string, unknown>> = {}) => ({
  resource: keyHash(graphId('user-1')),
  at: new Date(START_MS).toISOString(),
  selection: { all: true },
  destination: { kind: 'original' },
  ...changes,
})

async function sample(): Promise<World> {
  const world = await makeWorld()
  await world.commit([
    world.folder({ id: 'f-a', name: 'A' }),
    world.folder({ id: 'f-s', name: 'Unread', excluded: 'search-folder' }),
    world.mail('m1', 'f-a'),
  ])
  return world
}

/** Every refusal helps: a stable code, a message and a hint. */
async function refusal(world: World, changes: Readonly<Record<string, unknown>>): Promise<string> {
  try {
    await world.restore().create(body(changes), 'operator', NEVER)
  } catch (error) {
    assert.ok(error instanceof AppError)
    assert.equal(error.kind, 'permanent')
    assert.ok((error.hint ?? '').length > 20)
    return error.code
  }
  return 'accepted'
}

describe('the form of a request', () => {
  it('has a default for conflicts, and none for the destination; the resource says the workload', () => {
    const { workload, conflict } = parseRestoreRequest(body())
    assert.deepEqual([workload, conflict], [undefined, 'skip'])
    const { destination: _, ...without } = body()
    assert.throws(() => parseRestoreRequest(without), { code: 'RequestInvalid' })
  })

  it('takes folders by id or key', () => {
    const id = 'AAMkADAw/folder+1='
    const { selection } = parseRestoreRequest(
      body({ selection: { containers: [id, keyHash(id)] } }),
    )
    assert.deepEqual(selection.containers, [keyHash(id), keyHash(id)])
  })

  it('asks for no answer to a conflict that the workload does not have', async () => {
    const world = await sample()
    for (const conflict of ['replace', 'version']) {
      assert.equal(await refusal(world, { conflict }), 'ConflictNotOffered')
    }
    for (const conflict of ['skip', 'copy']) {
      assert.equal(await refusal(world, { conflict }), 'accepted')
    }
  })

  it('asks for no permissions where there are none', async () => {
    const world = await sample()
    assert.equal(await refusal(world, { permissions: 'restore' }), 'PermissionsNotOffered')
    assert.equal(await refusal(world, { permissions: 'leave' }), 'accepted')
  })

  it('says in a sentence what is wrong', () => {
    const keys = (count: number) => Array.from({ length: count }, (_, n) => keyHash(`${n}`))
    const cases: [Readonly<Record<string, unknown>>, RegExp][] = [
      [{ selection: {} }, /exactly one of/],
      [{ selection: { all: true, items: keys(1) } }, /exactly one of/],
      [{ selection: { items: [] } }, /selection\.items is empty/],
      [{ selection: { items: keys(ITEMS_SELECTED_MAX + 1) } }, /select their folders instead/],
      [{ selection: { containers: keys(CONTAINERS_SELECTED_MAX + 1) } }, /common parent folder/],
      [{ at: 'yesterday' }, /ISO time with its zone/],
      [{ resource: 'Adele' }, /exactly as Holdfast printed/],
      [{ destination: { kind: 'elsewhere' } }, /destination\.kind must be/],
      [{ permissions: 'widen' }, /permissions must be "restore" or "leave"/],
    ]
    for (const [changes, says] of cases) {
      assert.throws(
        () => parseRestoreRequest(body(changes)),
        (error: unknown) => {
          assert.ok(error instanceof AppError)
          assert.match(error.message, says)
          return true
        },
      )
    }
  })

  it('fits into its row at the largest selection', async () => {
    const world = await makeWorld()
    const ids = Array.from({ length: ITEMS_SELECTED_MAX }, (_, n) => `m${n}`)
    const mails = ids.map((id) => world.mail(id, 'f-a'))
    await world.commit([world.folder({ id: 'f-a', name: 'A' }), ...mails])
    const selection = { items: ids.map((id) => keyHash(id)) }
    const job = await world.restore().create(body({ selection }), 'operator', NEVER)
    assert.ok(job.request.length <= 30_000)
  })
})

describe('the admission of a request', () => {
  it('refuses what the catalogue cannot find, each with its own code', async () => {
    const world = await sample()
    const elsewhere = (id: string) => ({ kind: 'resource', resource: keyHash(id) })
    const refused = async (changes: Readonly<Record<string, unknown>>) => refusal(world, changes)
    assert.equal(await refused({ resource: keyHash('nobody') }), 'ResourceUnknown')
    assert.equal(await refused({ resource: keyHash(OTHER) }), 'NothingHeld')
    assert.equal(await refused({ destination: elsewhere('nobody') }), 'DestinationUnknown')
    assert.equal(await refused({ at: new Date(START_MS + 1).toISOString() }), 'TimeInFuture')
    assert.equal(await refused({ at: iso(0) }), 'BeforeFirstPoint')
    assert.equal(await refused({ at: { seq: 2 } }), 'PointUnknown')
    assert.equal(await refused({ selection: { items: [keyHash('m9')] } }), 'SelectionUnknown')
    assert.equal(await refused({ selection: { items: [keyHash('f-a')] } }), 'SelectionUnknown')
    assert.equal(await refused({ selection: { containers: ['f-z'] } }), 'SelectionUnknown')
    assert.equal(await refused({ selection: { containers: ['f-s'] } }), 'FolderNotProtected')
    assert.equal(await refused({}), 'accepted')
  })

  it('refuses a destination of another kind: mail goes into mailboxes, files into sites', async () => {
    const world = await sample()
    const site = { kind: 'resource', resource: keyHash(OTHER) }
    await world.catalogue.resources.update(
      keyHash(OTHER),
      (now) => now && { ...now, kind: 'site' },
      NEVER,
    )
    assert.equal(await refusal(world, { destination: site }), 'DestinationOfAnotherKind')
  })

  it('refuses a destination that has no mailbox any more', async () => {
    const world = await sample()
    const gone = { kind: 'resource', resource: keyHash(OTHER) }
    await world.catalogue.resources.update(
      keyHash(OTHER),
      (now) => now && { ...now, state: 'gone' },
      NEVER,
    )
    assert.equal(await refusal(world, { destination: gone }), 'DestinationUnavailable')
  })

  it('sends nothing to the service and starts nothing', async () => {
    const world = await sample()
    world.mailbox.writer = () => assert.fail('the role that faces people may not write')
    const restore = world.restore()
    const job = await restore.create(body(), 'operator', NEVER)
    assert.equal(job.state, 'planning')
    await assert.rejects(restore.start(job.id, undefined, 'x', NEVER), { code: 'JobNotPlanned' })
    const report = await restore.report(job.id, { max: 10 }, NEVER)
    assert.deepEqual(report.lines, [])
    assert.equal((await restore.cancel(job.id, NEVER)).flags.cancel, true)
    await assert.rejects(restore.cancel('0'.repeat(32), NEVER), { code: 'JobUnknown' })
  })
})
