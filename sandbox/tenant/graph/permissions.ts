/**
 * Which application permissions open which call: any one of them does.
 *
 * The keys are the calls of `routes.ts`. Calls that Microsoft's published list has are held to
 * it by a test, permission by permission; the others stand in `permissions-extra.tsv`, each with
 * its source, and are held to that.
 */

const READ_USERS = ['User.Read.All', 'User.ReadWrite.All'] as const
const DIRECTORY = ['Directory.Read.All', 'Directory.ReadWrite.All'] as const
const AGENT_USERS = [
  'AgentIdUser.ReadWrite.All',
  'AgentIdUser.ReadWrite.IdentityParentedBy',
] as const
const DEVICE_MANAGEMENT = [
  'DeviceManagementApps.Read.All',
  'DeviceManagementApps.ReadWrite.All',
  'DeviceManagementConfiguration.Read.All',
  'DeviceManagementConfiguration.ReadWrite.All',
  'DeviceManagementManagedDevices.Read.All',
  'DeviceManagementManagedDevices.ReadWrite.All',
  'DeviceManagementServiceConfig.Read.All',
  'DeviceManagementServiceConfig.ReadWrite.All',
] as const

const USERS = [
  'User.ReadBasic.All',
  'User.ReadWrite.CrossCloud',
  ...READ_USERS,
  ...DIRECTORY,
  ...AGENT_USERS,
  ...DEVICE_MANAGEMENT,
] as const
const USERS_DELTA = [...READ_USERS, ...DIRECTORY, ...AGENT_USERS] as const
const SETTINGS = ['MailboxSettings.Read', 'MailboxSettings.ReadWrite'] as const
const MAIL_BASIC = ['Mail.ReadBasic.All', 'Mail.Read', 'Mail.ReadWrite'] as const
/** The published list has no Mail.ReadWrite for a single message. */
const MAIL_ONE = ['Mail.ReadBasic.All', 'Mail.Read'] as const
const MAIL_CONTENT = ['Mail.Read', 'Mail.ReadWrite'] as const
const ATTACHMENTS = ['Mail.Read'] as const
const MAIL_WRITE = ['Mail.ReadWrite'] as const
/** The published list has the permission for events on the path for messages too. */
const UPLOAD = ['Mail.ReadWrite', 'Calendars.ReadWrite'] as const

const READ_SITES = ['Sites.Read.All', 'Sites.ReadWrite.All'] as const
const SITES_DELTA = [...READ_SITES, 'Sites.FullControl.All', 'Sites.Manage.All'] as const
const READ_FILES = ['Files.Read.All', 'Files.ReadWrite.All', ...READ_SITES] as const
/** The published list lets groups' permissions read a single item. */
const READ_ITEM = [...READ_FILES, 'Group.Read.All', 'Group.ReadWrite.All'] as const

const WRITE_FILES = ['Files.ReadWrite.All', 'Sites.ReadWrite.All'] as const
/** The published list has no permission for files on upload sessions. */
const WRITE_SITES = ['Sites.ReadWrite.All'] as const

const FOLDERS = '/users/{user}/mailFolders'
const MESSAGES = '/users/{user}/messages'

const DRIVE = '/drives/{drive}'
const ITEM = `${DRIVE}/items/{item}`

export const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  'GET /users': USERS,
  'GET /users/delta': USERS_DELTA,
  'GET /users/{user}': USERS,
  'GET /users/{user}/mailboxSettings': SETTINGS,
  'GET /users/{user}/settings/exchange': READ_USERS,
  [`GET ${FOLDERS}`]: MAIL_BASIC,
  [`POST ${FOLDERS}`]: MAIL_WRITE,
  [`GET ${FOLDERS}/delta`]: MAIL_BASIC,
  [`GET ${FOLDERS}/{folder}`]: MAIL_BASIC,
  [`PATCH ${FOLDERS}/{folder}`]: MAIL_WRITE,
  [`DELETE ${FOLDERS}/{folder}`]: MAIL_WRITE,
  [`POST ${FOLDERS}/{folder}/move`]: MAIL_WRITE,
  [`GET ${FOLDERS}/{folder}/childFolders`]: MAIL_BASIC,
  [`POST ${FOLDERS}/{folder}/childFolders`]: MAIL_WRITE,
  [`GET ${FOLDERS}/{folder}/messages`]: MAIL_BASIC,
  [`POST ${FOLDERS}/{folder}/messages`]: MAIL_WRITE,
  [`GET ${FOLDERS}/{folder}/messages/delta`]: MAIL_BASIC,
  [`GET ${FOLDERS}/{folder}/messages/{message}`]: MAIL_ONE,
  [`GET ${MESSAGES}`]: MAIL_BASIC,
  [`POST ${MESSAGES}`]: MAIL_WRITE,
  [`GET ${MESSAGES}/{message}`]: MAIL_ONE,
  [`PATCH ${MESSAGES}/{message}`]: MAIL_WRITE,
  [`DELETE ${MESSAGES}/{message}`]: MAIL_WRITE,
  [`POST ${MESSAGES}/{message}/move`]: MAIL_WRITE,
  [`POST ${MESSAGES}/{message}/copy`]: MAIL_WRITE,
  [`POST ${MESSAGES}/{message}/permanentDelete`]: MAIL_WRITE,
  [`GET ${MESSAGES}/{message}/$value`]: MAIL_CONTENT,
  [`GET ${MESSAGES}/{message}/attachments`]: ATTACHMENTS,
  [`POST ${MESSAGES}/{message}/attachments`]: MAIL_WRITE,
  [`POST ${MESSAGES}/{message}/attachments/createUploadSession`]: UPLOAD,
  [`GET ${MESSAGES}/{message}/attachments/{attachment}`]: MAIL_CONTENT,
  [`DELETE ${MESSAGES}/{message}/attachments/{attachment}`]: MAIL_WRITE,
  [`GET ${MESSAGES}/{message}/attachments/{attachment}/$value`]: MAIL_CONTENT,
  'GET /sites/getAllSites': READ_SITES,
  'GET /sites/delta': SITES_DELTA,
  'GET /sites/{site}': READ_SITES,
  'GET /sites/{site}/sites': READ_SITES,
  'GET /sites/{site}/drives': READ_FILES,
  'GET /sites/{site}/drive': READ_FILES,
  'GET /users/{user}/drives': READ_FILES,
  'GET /users/{user}/drive': READ_FILES,
  'GET /groups/{group}/drives': READ_FILES,
  'GET /groups/{group}/drive': READ_FILES,
  [`GET ${DRIVE}`]: READ_FILES,
  [`GET ${DRIVE}/root`]: READ_FILES,
  [`GET ${DRIVE}/root:/{path}`]: READ_ITEM,
  [`GET ${DRIVE}/root/children`]: READ_FILES,
  [`GET ${DRIVE}/root:/{path}:/children`]: READ_FILES,
  [`GET ${DRIVE}/root/delta`]: READ_FILES,
  [`GET ${DRIVE}/root/permissions`]: READ_FILES,
  [`GET ${ITEM}`]: READ_ITEM,
  [`GET ${ITEM}:/{path}`]: READ_FILES,
  [`GET ${ITEM}/children`]: READ_FILES,
  [`GET ${ITEM}/content`]: READ_FILES,
  [`GET /beta${ITEM}/content`]: READ_FILES,
  [`GET /beta${ITEM}/contentStream`]: READ_FILES,
  [`GET ${ITEM}/versions`]: READ_FILES,
  [`GET ${ITEM}/versions/{version}`]: READ_FILES,
  [`GET ${ITEM}/versions/{version}/content`]: READ_FILES,
  [`GET ${ITEM}/permissions`]: READ_FILES,
  [`GET ${ITEM}/permissions/{permission}`]: READ_FILES,
  [`POST ${ITEM}/children`]: WRITE_FILES,
  [`PATCH ${ITEM}`]: WRITE_FILES,
  [`DELETE ${ITEM}`]: WRITE_FILES,
  [`PUT ${ITEM}/content`]: WRITE_FILES,
  [`PUT ${ITEM}:/{path}:/content`]: WRITE_FILES,
  [`POST ${ITEM}/createUploadSession`]: WRITE_SITES,
  [`POST ${ITEM}:/{path}:/createUploadSession`]: WRITE_SITES,
  [`POST ${DRIVE}/root/children`]: WRITE_FILES,
  [`PUT ${DRIVE}/root:/{path}:/content`]: WRITE_FILES,
  [`POST ${DRIVE}/root:/{path}:/createUploadSession`]: WRITE_SITES,
  [`POST ${ITEM}/invite`]: WRITE_FILES,
  [`POST ${ITEM}/createLink`]: WRITE_FILES,
  [`DELETE ${ITEM}/permissions/{permission}`]: WRITE_FILES,
  'POST /sites/{site}/lists': ['Sites.Manage.All', ...WRITE_SITES],
  'GET /sites/{site}/lists/{list}/drive': READ_FILES,
}
