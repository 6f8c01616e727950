/** The calls that write to sites and drives: path, name, query options, resource units, who answers. */
import { UNITS_LIST, UNITS_ONE, UNITS_PERMISSIONS } from '../../limits.ts'
import type { Handler } from '../request.ts'
import { putContent, putNamed } from './content-write.ts'
import { createList, getListDrive } from './libraries.ts'
import type { DriveRow } from './routes.ts'
import { createLink, deletePermission, invite } from './sharing-write.ts'
import { createItemSession, createNamedSession } from './upload-sessions.ts'
import { createFolder, deleteItem, updateItem } from './write.ts'

/** Creating, updating, deleting and uploading cost the same. */
const UNITS_WRITE = UNITS_LIST
const PLAIN = ['$select'] as const
const PUT = ['$select', '@microsoft.graph.conflictbehavior'] as const
const NONE: readonly string[] = []

const ITEM = '/drives/{drive}/items/{item}'
const NAMED = `${ITEM}:/{path}:`
const ROOT = '/drives/{drive}/root'
const NAMED_IN_ROOT = `${ROOT}:/{path}:`

/** The same call on the root folder, which a path may name without an id. */
function inRoot(handle: Handler): Handler {
  return (request) =>
    handle({ ...request, param: (name) => (name === 'item' ? 'root' : request.param(name)) })
}

export const DRIVE_WRITE_ROWS: readonly DriveRow[] = [
  [`POST ${ITEM}/children`, 'folder.create', PLAIN, UNITS_WRITE, createFolder],
  [`PATCH ${ITEM}`, 'item.update', PLAIN, UNITS_WRITE, updateItem],
  [`DELETE ${ITEM}`, 'item.delete', NONE, UNITS_WRITE, deleteItem],
  [`PUT ${ITEM}/content`, 'item.put', PLAIN, UNITS_WRITE, putContent],
  [`PUT ${NAMED}/content`, 'item.put', PUT, UNITS_WRITE, putNamed],
  [`POST ${ITEM}/createUploadSession`, 'upload.create', NONE, UNITS_WRITE, createItemSession],
  [`POST ${NAMED}/createUploadSession`, 'upload.create', NONE, UNITS_WRITE, createNamedSession],
  [`POST ${ROOT}/children`, 'folder.create', PLAIN, UNITS_WRITE, inRoot(createFolder)],
  [`PUT ${NAMED_IN_ROOT}/content`, 'item.put', PUT, UNITS_WRITE, inRoot(putNamed)],
  [
    `POST ${NAMED_IN_ROOT}/createUploadSession`,
    'upload.create',
    NONE,
    UNITS_WRITE,
    inRoot(createNamedSession),
  ],
  [`POST ${ITEM}/invite`, 'permission.invite', NONE, UNITS_PERMISSIONS, invite],
  [`POST ${ITEM}/createLink`, 'permission.link', NONE, UNITS_PERMISSIONS, createLink],
  [
    `DELETE ${ITEM}/permissions/{permission}`,
    'permission.delete',
    NONE,
    UNITS_PERMISSIONS,
    deletePermission,
  ],
  ['POST /sites/{site}/lists', 'library.create', NONE, UNITS_WRITE, createList],
  ['GET /sites/{site}/lists/{list}/drive', 'drive.get', PLAIN, UNITS_ONE, getListDrive],
]
