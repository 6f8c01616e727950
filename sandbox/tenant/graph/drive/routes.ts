/** The calls of sites and drives: path, name, query options, resource units, who answers. */
import { UNITS_LIST, UNITS_ONE, UNITS_PERMISSIONS } from '../../limits.ts'
import type { Handler } from '../request.ts'
import * as content from './content.ts'
import { deltaItems } from './delta.ts'
import * as items from './items.ts'
import { getPermission, listPermissions, listRootPermissions } from './permissions.ts'
import * as sites from './sites.ts'
import * as versions from './versions.ts'

/** A delta is cheaper for who has a token. */
export type Units = number | { readonly withToken: number; readonly without: number }

export type DriveRow = readonly [
  call: string,
  kind: string,
  options: readonly string[],
  units: Units,
  handle: Handler,
]

const NONE: readonly string[] = []
const ONE = ['$select'] as const
const LIST = ['$select', '$top'] as const
const DELTA = ['$select', '$top', 'token'] as const
const CHILDREN = ['$select', '$top', '$count'] as const
const DELTA_UNITS = { withToken: UNITS_ONE, without: UNITS_LIST } as const

const DRIVE = '/drives/{drive}'
const ITEM = `${DRIVE}/items/{item}`
const VERSION = `${ITEM}/versions/{version}`

export const DRIVE_ROWS: readonly DriveRow[] = [
  ['GET /sites/getAllSites', 'sites.all', LIST, UNITS_LIST, sites.allSites],
  ['GET /sites/delta', 'sites.delta', DELTA, DELTA_UNITS, sites.deltaSites],
  ['GET /sites/{site}', 'site.get', ONE, UNITS_ONE, sites.getSite],
  ['GET /sites/{site}/sites', 'subsites.list', LIST, UNITS_LIST, sites.subsites],
  ['GET /sites/{site}/drives', 'drives.list', ONE, UNITS_LIST, sites.siteDrives],
  ['GET /sites/{site}/drive', 'drive.get', ONE, UNITS_ONE, sites.siteDrive],
  ['GET /users/{user}/drives', 'drives.list', ONE, UNITS_LIST, sites.userDrives],
  ['GET /users/{user}/drive', 'drive.get', ONE, UNITS_ONE, sites.userDrive],
  ['GET /groups/{group}/drives', 'drives.list', ONE, UNITS_LIST, sites.groupDrives],
  ['GET /groups/{group}/drive', 'drive.get', ONE, UNITS_ONE, sites.groupDrive],
  [`GET ${DRIVE}`, 'drive.get', ONE, UNITS_ONE, sites.getDrive],
  [`GET ${DRIVE}/root`, 'item.get', ONE, UNITS_ONE, items.getRoot],
  [`GET ${DRIVE}/root:/{path}`, 'item.get', ONE, UNITS_ONE, items.getByPath],
  [`GET ${DRIVE}/root/children`, 'children.list', CHILDREN, UNITS_LIST, items.listRootChildren],
  [
    `GET ${DRIVE}/root:/{path}:/children`,
    'children.list',
    CHILDREN,
    UNITS_LIST,
    items.listChildrenByPath,
  ],
  [`GET ${DRIVE}/root/delta`, 'drive.delta', DELTA, DELTA_UNITS, deltaItems],
  [`GET ${ITEM}`, 'item.get', ONE, UNITS_ONE, items.getItem],
  [`GET ${ITEM}:/{path}`, 'item.get', ONE, UNITS_ONE, items.getBelowItem],
  [`GET ${ITEM}/children`, 'children.list', CHILDREN, UNITS_LIST, items.listChildren],
  [`GET ${ITEM}/content`, 'content.get', NONE, UNITS_ONE, content.getContent],
  [`GET /beta${ITEM}/content`, 'content.get', NONE, UNITS_ONE, content.getContentBeta],
  [`GET /beta${ITEM}/contentStream`, 'content.stream', NONE, UNITS_ONE, content.getContentStream],
  [`GET ${ITEM}/versions`, 'versions.list', ONE, UNITS_LIST, versions.listVersions],
  [`GET ${VERSION}`, 'version.get', ONE, UNITS_ONE, versions.getVersion],
  [`GET ${VERSION}/content`, 'version.content', NONE, UNITS_ONE, versions.getVersionContent],
  [
    `GET ${DRIVE}/root/permissions`,
    'permissions.list',
    NONE,
    UNITS_PERMISSIONS,
    listRootPermissions,
  ],
  [`GET ${ITEM}/permissions`, 'permissions.list', NONE, UNITS_PERMISSIONS, listPermissions],
  [
    `GET ${ITEM}/permissions/{permission}`,
    'permission.get',
    NONE,
    UNITS_PERMISSIONS,
    getPermission,
  ],
]
