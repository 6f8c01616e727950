/** Microsoft Graph: the client, its governor, and readers of pages, changes and the directory. */
export { createGraph, type Graph, type GraphOptions, type GraphRequest } from './client.ts'
export { type Deadline, deadline, timeLeft } from './deadline.ts'
export { type DeltaPage, readDeltaPage } from './delta.ts'
export {
  createDirectory,
  type Directory,
  type DirectoryUser,
  type MailboxState,
  type UserPage,
} from './directory.ts'
export {
  contentBroken,
  contentChanged,
  type DownloadOptions,
  type DownloadSource,
  download,
} from './download.ts'
export { resyncNeeded } from './errors.ts'
export {
  type BudgetKey,
  createGovernor,
  type Governor,
  SERVICE_LIMITS,
  type Service,
  type ServiceLimits,
  SHAREPOINT_CONCURRENCY,
  SHAREPOINT_UNITS,
  sharePointLimits,
} from './governor.ts'
export { isObject, type JsonObject, objectOf, objectsOf, textOf } from './json.ts'
export { MAILBOX_CONCURRENCY, type Mailbox, mailboxOf } from './mailbox.ts'
export { WalkGuard, walkPages } from './paging.ts'
export { type Purse, windowedPurse } from './purse.ts'
export { QuickXorHash } from './quick-xor-hash.ts'
export { type ChunkSource, sharedPurse } from './shared-purse.ts'
export {
  type AddressRequest,
  type SharePoint,
  type SharePointRequest,
  sharePointOf,
  UNITS,
} from './sharepoint.ts'
export { readSharePointDelta, type SharePointPage } from './sharepoint-delta.ts'
export {
  createSites,
  type Site,
  type SitePage,
  type SiteState,
  type Sites,
} from './sites.ts'

export {
  askUpload,
  sendPiece,
  UPLOAD_PIECE_BYTES,
  type UploadSession,
  type UploadState,
} from './upload.ts'
