/** What the tenant holds in sites and drives, as its control interface says it. */
import type { ControlClient, SiteSnapshot } from '../tenant/index.ts'
import { filesOf, foldersOf, protectedLibraries } from '../verdict/index.ts'
import { protectedHoldings } from './mailboxes.ts'

export type SiteSnapshots = ReadonlyMap<string, SiteSnapshot>

/** Every site that can be read, by where it is on the web. */
export async function siteSnapshots(control: ControlClient): Promise<SiteSnapshots> {
  const all = new Map<string, SiteSnapshot>()
  const { sites } = await control.sites({})
  for (const { id, state } of sites) {
    if (state !== 'live') continue
    const snapshot = await control.siteSnapshot({ site: id })
    all.set(snapshot.site.url, snapshot)
  }
  return all
}

/** What a first backup has to read, over all sites; libraries count as folders. */
export async function fileHoldings(
  control: ControlClient,
): Promise<{ files: number; folders: number }> {
  const sum = { files: 0, folders: 0 }
  for (const snapshot of (await siteSnapshots(control)).values()) {
    const site = protectedLibraries(snapshot)
    sum.files += filesOf(site).length
    sum.folders += foldersOf(site).size
  }
  return sum
}

/** Items that a first backup stores, folders included. */
export async function itemsToRead(control: ControlClient): Promise<number> {
  const mail = await protectedHoldings(control)
  const { files, folders } = await fileHoldings(control)
  return mail.messages + mail.folders + files + folders
}
