/** New libraries: lists of the template `documentLibrary`, each of which is a drive. */
import { z } from 'zod'
import type { Drive, Site } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { notBuilt } from '../errors.ts'
import { parseBody } from '../inputs.ts'
import { context } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { findSite, openSite } from './find.ts'
import { driveAnswer } from './json.ts'
import { checkName } from './names.ts'
import { nameExists, notFound } from './refusals.ts'

const ListBody = z.strictObject({
  '@odata.type': z.string().optional(),
  displayName: z.string().min(1),
  name: z.string().min(1).optional(),
  description: z.string().optional(),
  list: z.strictObject({
    template: z.string(),
    hidden: z.boolean().optional(),
    contentTypesEnabled: z.boolean().optional(),
  }),
})

export async function createList(request: GraphRequest): Promise<Answer> {
  const body = await parseBody(request, ListBody)
  const { state } = request
  const site = openSite(request)
  if (body.list.template !== 'documentLibrary') throw notBuilt('lists other than libraries')
  const { displayName, name = displayName } = body
  checkName(displayName)
  checkName(name)
  const drive = state.db.transaction(() => {
    const isTaken = state.sites
      .drives(site)
      .some((each) => [each.name, each.folder].some((known) => isSame(known, displayName)))
    if (isTaken) throw nameExists()
    return state.sites.createDrive(site, { name: displayName, folder: name }, state.nowMs())
  })
  return listAnswer(request, { site, drive })
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function listAnswer(request: GraphRequest, { site, drive }: { site: Site; drive: Drive }): Answer {
  const time = new Date(drive.createdMs).toISOString().replace('.000Z', 'Z')
  return {
    status: 201,
    body: {
      '@odata.context': `${context(request, `sites('${encodeURIComponent(site.id)}')/lists`, null)}/$entity`,
      id: drive.list,
      name: drive.folder,
      displayName: drive.name,
      createdDateTime: time,
      lastModifiedDateTime: time,
      webUrl: `https://${site.host}${encodeURI(`${site.path}/${drive.folder}`)}`,
      parentReference: { siteId: site.id },
      list: { template: 'documentLibrary', hidden: drive.system, contentTypesEnabled: false },
    },
  }
}

/** The drive that a library is. */
export function getListDrive(request: GraphRequest): Answer {
  const site = findSite(request)
  const wanted = request.param('list').toLowerCase()
  const drive = request.state.sites
    .drives(site)
    .find(({ list, name }) => list === wanted || name.toLowerCase() === wanted)
  if (!drive) throw notFound()
  return driveAnswer(request, { site, drive })
}
