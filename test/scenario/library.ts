/**
 * One library of a company, on a site of its own or in somebody's OneDrive, so that the scenarios
 * of one file do not meet: what is put there, backed up, shown and judged is of this site alone.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { LedgerLine, Resource, RestoreRequest, Run } from '../../sandbox/run/api-client.ts'
import { refusalsOf } from '../../sandbox/run/fulfil.ts'
import { type RestoreResult, restore } from '../../sandbox/run/restore.ts'
import type { DriveItemSnapshot, RequestCounts, SiteSnapshot } from '../../sandbox/tenant/index.ts'
import {
  filesOf,
  judgeSites,
  parseFidelity,
  protectedLibraries,
  type Verdict,
} from '../../sandbox/verdict/index.ts'
import type { Company } from './company.ts'

const FIDELITY = new URL('../../docs/fidelity.md', import.meta.url)
const WORKLOAD = 'drive'
/** What the tenant grants where units are not what a scenario is about. */
const UNITS_PER_MINUTE = 1_000_000

type Put = Parameters<Company['control']['putFile']>[0]

/** One file, as the lists of Holdfast and one look at it show it. */
export interface HeldFile {
  id: string
  path: string
  /** Of each representation, by name. */
  sha256: ReadonlyMap<string, string>
}

/** A site as it was, and the recovery point that has it. */
export interface KnownSite {
  snapshot: SiteSnapshot
  seq: number
}

/** How to restore, and what is known of it. */
export interface Asked {
  conflict?: RestoreRequest['conflict']
  /** Originals that the backup could not store. */
  notStored?: readonly string[]
}

export class Library {
  readonly company: Company
  readonly site: string
  readonly drive: string
  /** Where the site is on the web, by which Holdfast's lists know it. */
  readonly address: string

  private constructor(company: Company, place: { site: string; drive: string; address: string }) {
    this.company = company
    this.site = place.site
    this.drive = place.drive
    this.address = place.address
  }

  static async #at(company: Company, made: { id: string; drive: string }): Promise<Library> {
    const { site } = await company.control.siteSnapshot({ site: made.id })
    return new Library(company, { site: made.id, drive: made.drive, address: site.url })
  }

  /** A new site, which the next run over everything finds. */
  static async open(company: Company, name: string): Promise<Library> {
    const path = `/sites/${name.toLowerCase().replaceAll(' ', '-')}`
    const made = await company.control.createSite({ path, displayName: name })
    return await Library.#at(company, made)
  }

  /** Somebody's files. */
  static async ofPerson(company: Company, address: string): Promise<Library> {
    return await Library.#at(company, await company.control.createOneDrive({ user: address }))
  }

  /** A company without mail, whose units suffice for everything that is done in its libraries. */
  static async grantUnits(company: Company): Promise<void> {
    await company.control.settings({ unitsPerMinute: UNITS_PER_MINUTE })
  }

  /** The id of the file, new or with new content. */
  async put(path: string, more: Partial<Omit<Put, 'drive' | 'path'>> = {}): Promise<string> {
    const { base64, generated } = more
    const isText = base64 === undefined && generated === undefined
    const content = isText ? { text: `The content of ${path}` } : {}
    return (await this.company.control.putFile({ drive: this.drive, path, ...content, ...more })).id
  }

  async putMany(count: number, folder: string): Promise<string[]> {
    const ids: string[] = []
    for (let n = 1; n <= count; n += 1) ids.push(await this.put(`${folder}/file ${n}.txt`))
    return ids
  }

  async makeFolder(path: string): Promise<string> {
    return (await this.company.control.makeFolder({ drive: this.drive, path })).id
  }

  async delete(item: string): Promise<void> {
    await this.company.control.deleteItem({ drive: this.drive, item })
  }

  async resource(): Promise<Resource> {
    const found = await this.company.resourceOf(this.address)
    assert.ok(found, `${this.address} was discovered`)
    return found
  }

  async coverage(): Promise<string | undefined> {
    return (await this.resource()).coverage?.state
  }

  /** A run over this site alone, to its end. */
  async backUp(): Promise<Run> {
    return await this.company.backUp([(await this.resource()).id])
  }

  async backUpUntilDeleted(): Promise<void> {
    await this.company.backUpUntilDeleted([(await this.resource()).id])
  }

  /** The run, and what the tenant saw meanwhile; nothing else may be backed up. */
  async backUpCounted(): Promise<{ run: Run; seen: RequestCounts }> {
    await this.company.control.resetCounts({})
    const run = await this.backUp()
    return { run, seen: await this.company.control.counts({}) }
  }

  async ledger(): Promise<LedgerLine[]> {
    return await this.company.api.ledger((await this.resource()).id, WORKLOAD)
  }

  async snapshot(): Promise<SiteSnapshot> {
    return await this.company.control.siteSnapshot({ site: this.site })
  }

  async files(): Promise<DriveItemSnapshot[]> {
    return filesOf(protectedLibraries(await this.snapshot()))
  }

  async file(path: string): Promise<DriveItemSnapshot> {
    const found = (await this.files()).find((file) => file.path === path)
    assert.ok(found, `${path} is there`)
    return found
  }

  /** `library/path SHA-256` of every file that the tenant has. */
  async truth(): Promise<string[]> {
    const { drives } = protectedLibraries(await this.snapshot())
    return drives
      .flatMap(({ drive, items }) =>
        items
          .filter(({ kind }) => kind === 'file')
          .map(({ path, sha256 }) => `${drive.name}/${path} ${sha256}`),
      )
      .sort()
  }

  /** Every file that Holdfast shows, with what is held of it. */
  async held(): Promise<HeldFile[]> {
    const { id: resource } = await this.resource()
    const { api } = this.company
    const containers = await api.containers(resource, undefined, WORKLOAD)
    const named = new Map(containers.map((container) => [container.id, container]))
    const pathOf = (id: string): string => {
      const container = named.get(id)
      assert.ok(container, 'the parent of a folder is held')
      return container.parent ? `${pathOf(container.parent)}/${container.name}` : container.name
    }
    const lists = await Promise.all(
      containers.map(async ({ id: container }) => {
        const items = await api.items(resource, container, undefined, WORKLOAD)
        assert.equal(new Set(items.map(({ id }) => id)).size, items.length, 'none is listed twice')
        return items.map(({ id, name }) => ({ id, path: `${pathOf(container)}/${name}` }))
      }),
    )
    return await Promise.all(
      lists.flat().map(async (file) => ({ ...file, sha256: await this.#forms(file.id) })),
    )
  }

  /** What is held of an item or a folder: the hash of each of its representations. */
  async #forms(item: string): Promise<ReadonlyMap<string, string>> {
    const { id } = await this.resource()
    const path = `resources/${id}/items/${item}?workload=${WORKLOAD}`
    const { json } = await this.company.call('GET', path)
    const forms = json['representations'] as { name: string; sha256: string }[]
    return new Map(forms.map(({ name, sha256 }) => [name, sha256]))
  }

  async formsOfFolder(name: string): Promise<ReadonlyMap<string, string>> {
    const { id } = await this.resource()
    const all = await this.company.api.containers(id, undefined, WORKLOAD)
    const found = all.find((container) => container.name === name)
    assert.ok(found, `${name} is held`)
    return await this.#forms(found.id)
  }

  /** Holdfast shows what the tenant has, and holds its very bytes. */
  async assertSame(): Promise<void> {
    const held = (await this.held()).filter(({ sha256 }) => sha256.has('content'))
    const shown = held.map(({ path, sha256 }) => `${path} ${sha256.get('content')}`)
    assert.deepEqual(shown.sort(), await this.truth())
  }

  /** To be called after a backup, with nothing happening in between. */
  async remember(): Promise<KnownSite> {
    const { id } = await this.resource()
    const point = await this.company.api.newestPoint(id, WORKLOAD)
    assert.ok(point, 'a round is complete')
    return { snapshot: await this.snapshot(), seq: point.seq }
  }

  /** Everything that stands in the libraries goes into the recycle bin. */
  async loseEverything(): Promise<void> {
    for (const { drive, items } of protectedLibraries(await this.snapshot()).drives) {
      const ids = new Set(items.map(({ id }) => id))
      const top = items.filter(({ parentId }) => parentId === null || !ids.has(parentId))
      for (const { id: item } of top) {
        await this.company.control.deleteItem({ drive: drive.id, item })
      }
    }
  }

  /** Restores the whole site as of `known`. */
  async restore(known: KnownSite, { conflict = 'skip' }: Asked = {}): Promise<RestoreResult> {
    const request: RestoreRequest = {
      ...{ resource: (await this.resource()).id, workload: WORKLOAD, at: { seq: known.seq } },
      ...{ selection: { all: true }, destination: { kind: 'original' }, conflict },
    }
    return await restore(this.company.api, request, AbortSignal.timeout(this.company.waitMs))
  }

  /** The same, judged by the tenant's own state: everything came back, once. */
  async restoreAndJudge(
    known: KnownSite,
    asked: Asked = {},
  ): Promise<{ result: RestoreResult; verdict: Verdict }> {
    const damaged = await this.snapshot()
    const result = await this.restore(known, asked)
    const { conflict = 'skip', notStored = [] } = asked
    const verdict = judgeSites(
      [
        {
          ...{ before: known.snapshot, damaged, after: await this.snapshot() },
          ...{ refused: refusalsOf([result]), notStored: new Set(notStored) },
          restores: [{ scope: 'all', conflict }],
        },
      ],
      parseFidelity(readFileSync(FIDELITY, 'utf8')),
    )
    const unlisted = verdict.differences.filter(({ listed }) => !listed)
    assert.deepEqual([verdict.problems, unlisted], [[], []], 'everything came back, once')
    assert.ok(verdict.ok)
    return { result, verdict }
  }
}

/** A pattern for faults that meets the downloads of one file. */
export function downloadsOf(item: string): string {
  return `/download/drives/[^/]+/items/${item}$`
}

/** How often the newest fault was met. */
export async function hitsOf(company: Company, id: number): Promise<number> {
  const { faults } = await company.control.listFaults({})
  return faults.find((fault) => fault.id === id)?.hits ?? 0
}
