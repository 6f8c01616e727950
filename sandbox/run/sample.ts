/**
 * The message that `npm start` loses on purpose, so that its restore command brings back
 * something real; a file likewise; and that command, for a shell with curl and nothing else.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { ControlClient, MailboxSnapshot } from '../tenant/index.ts'
import { protectedFolders } from '../verdict/index.ts'
import { type ApiClient, isOneDrive, type Workload } from './api-client.ts'
import { itemsOf } from './directory.ts'
import { itemsOfFiles } from './file-fulfil.ts'
import { ordinaryFiles } from './file-story.ts'
import { siteSnapshots } from './sites.ts'
import { Trouble } from './trouble.ts'

export interface Sample {
  user: string
  name: string
  subject: string
  folder: string
  /** Holdfast's ids. */
  resource: string
  item: string
  seq: number
  /** Absent: mail. */
  workload?: Workload
}

/** The sample of an earlier start, if there is one. */
export function readSample(file: string): Sample | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Sample) : undefined
}

/** Deletes a message that is backed up, and remembers which. */
export async function loseSample(
  api: ApiClient,
  control: ControlClient,
  file: string,
): Promise<Sample> {
  for (const resource of await api.resources()) {
    const isMailbox = resource.state === 'protected' && resource.kind !== 'site'
    const point = isMailbox ? await api.newestPoint(resource.id) : undefined
    if (point === undefined) continue
    const mailbox = await control.snapshot({ user: resource.address })
    const message = presentable(mailbox)
    if (message === undefined) continue
    const [item = ''] = await itemsOf(api, resource.id, point.time, [message])
    const { immutableId, subject, folderPath: folder } = message
    await control.delete({ user: resource.address, message: immutableId, mode: 'recoverable' })
    const sample: Sample = {
      ...{ user: resource.address, name: resource.name, subject, folder, item },
      ...{ resource: resource.id, seq: point.seq },
    }
    writeFileSync(file, JSON.stringify(sample))
    return sample
  }
  throw new Trouble('No mailbox has a message that could be lost.', {
    hint: 'Start with --fresh to get the sample tenant.',
  })
}

/** The same of a file in somebody's OneDrive; undefined: none is backed up. */
export async function loseFile(
  api: ApiClient,
  control: ControlClient,
  note: string,
): Promise<Sample | undefined> {
  const sites = await siteSnapshots(control)
  for (const resource of await api.resources()) {
    const site = isOneDrive(resource) ? sites.get(resource.address) : undefined
    const file = site && ordinaryFiles(site)[0]
    const point = file && (await api.newestPoint(resource.id, 'drive'))
    const drive = site?.drives[0]?.drive.id
    if (!file || !point || drive === undefined) continue
    const known = { api, snapshot: site, point: { resource, at: point.time, seq: point.seq } }
    const [item = ''] = await itemsOfFiles([file.id], known)
    await control.deleteItem({ drive, item: file.id })
    const sample: Sample = {
      ...{ user: resource.address, name: resource.name, subject: file.name, folder: file.path },
      ...{ workload: 'drive', resource: resource.id, item, seq: point.seq },
    }
    writeFileSync(note, JSON.stringify(sample))
    return sample
  }
  return undefined
}

/** With an attachment if possible: those are what people fear for. */
function presentable(mailbox: MailboxSnapshot) {
  const guarded = protectedFolders(mailbox)
  const inbox = mailbox.folders.find(({ wellKnown }) => wellKnown === 'inbox')
  const labels = new Map<string, number>()
  const label = (m: { subject: string; receivedMs: number }) => `${m.receivedMs} ${m.subject}`
  const mail = mailbox.messages.filter((m) => guarded.has(m.folderId) && m.folderId === inbox?.id)
  for (const each of mail) labels.set(label(each), (labels.get(label(each)) ?? 0) + 1)
  const single = mail.filter((each) => labels.get(label(each)) === 1 && each.subject !== '')
  return single.findLast(({ hasAttachments }) => hasAttachments) ?? single.at(-1)
}

/** Lines for a POSIX shell: plan, wait for the plan, start it, and show how it went. */
export function restoreCommand(
  sample: Pick<Sample, 'resource' | 'item' | 'seq' | 'workload'>,
  { apiUrl, tokenFile }: { apiUrl: string; tokenFile: string },
): string {
  const request = {
    ...{ resource: sample.resource, workload: sample.workload, at: { seq: sample.seq } },
    ...{ selection: { items: [sample.item] }, destination: { kind: 'original' } },
  }
  return [
    `H="Authorization: Bearer $(cat '${tokenFile}')"; R=${apiUrl}/api/v1/restores`,
    `J=$(curl -s -H "$H" -H 'Content-Type: application/json' $R -d '${JSON.stringify(request)}' \\`,
    `  | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')`,
    `until curl -s -H "$H" $R/$J | grep -q '"state":"planned"'; do sleep 1; done`,
    `curl -s -H "$H" -X POST $R/$J/start; sleep 8; echo; curl -s -H "$H" $R/$J/items; echo`,
  ].join('\n')
}
