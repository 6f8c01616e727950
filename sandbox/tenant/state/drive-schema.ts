/** The tables of sites and drives; a state file from before them gets them when it is opened. */
export const DRIVE_SCHEMA = `
CREATE TABLE sites(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,
  deleted INTEGER NOT NULL, parent INTEGER, host TEXT NOT NULL, collection TEXT NOT NULL,
  web TEXT NOT NULL, path TEXT NOT NULL COLLATE NOCASE, display_name TEXT NOT NULL, owner INTEGER,
  group_id TEXT, state TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL);
CREATE INDEX sites_seq ON sites(seq);
CREATE INDEX sites_parent ON sites(parent);
CREATE INDEX sites_owner ON sites(owner);
CREATE TABLE drives(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, site INTEGER NOT NULL,
  seq INTEGER NOT NULL, deleted INTEGER NOT NULL, list TEXT NOT NULL, name TEXT NOT NULL,
  folder TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL, system INTEGER NOT NULL,
  root INTEGER NOT NULL, quota INTEGER NOT NULL, created INTEGER NOT NULL,
  modified INTEGER NOT NULL);
CREATE INDEX drives_site ON drives(site);
CREATE TABLE items(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, drive INTEGER NOT NULL, id TEXT NOT NULL,
  guid TEXT NOT NULL, serial INTEGER NOT NULL, seq INTEGER NOT NULL, shared_seq INTEGER NOT NULL,
  parent INTEGER, name TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, deleted INTEGER NOT NULL,
  etag INTEGER NOT NULL, ctag INTEGER NOT NULL, size INTEGER NOT NULL, mime TEXT, content INTEGER,
  quick_xor TEXT, version INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,
  fs_created INTEGER NOT NULL, fs_modified INTEGER NOT NULL, created_by TEXT NOT NULL,
  modified_by TEXT NOT NULL, malware TEXT, remote TEXT, unique_permissions INTEGER NOT NULL,
  changed INTEGER NOT NULL);
CREATE UNIQUE INDEX items_id ON items(drive, id);
CREATE INDEX items_delta ON items(drive, seq);
CREATE INDEX items_shared ON items(drive, shared_seq);
CREATE UNIQUE INDEX items_name ON items(parent, name) WHERE deleted = 0;
CREATE TABLE versions(
  item INTEGER NOT NULL, number INTEGER NOT NULL, content INTEGER NOT NULL, size INTEGER NOT NULL,
  quick_xor TEXT, modified INTEGER NOT NULL, modified_by TEXT NOT NULL,
  PRIMARY KEY(item, number)) WITHOUT ROWID;
CREATE TABLE contents(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
  quick_xor TEXT NOT NULL);
CREATE TABLE content_pieces(
  content INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL, recipe TEXT, bytes BLOB,
  PRIMARY KEY(content, start));
CREATE TABLE item_permissions(
  pk INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, item INTEGER NOT NULL,
  fields TEXT NOT NULL);
CREATE INDEX item_permissions_item ON item_permissions(item);
`
