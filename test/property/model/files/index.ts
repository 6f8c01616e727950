/** Stories about the libraries of a site. */
import type { Kind } from '../source.ts'
import { amid, type FileDoing, happening, trouble } from './doings.ts'
import { FILE_PLANTS } from './plants.ts'
import { FileSource } from './source.ts'

export const FILES: Kind<FileDoing> = {
  ...{ happening, trouble, amid, plants: FILE_PLANTS, found: [] },
  open: (service) => FileSource.open(service),
  met: [
    'a slice ends: died',
    'a slice ends: more',
    'a slice ends: wait',
    'a slice ends: busy',
    'a base',
    'a commit of cursors alone',
    'a file is touched between two pieces of it',
    'asleep',
    'content goes on',
    'content is begun anew',
    'corrupt: locked',
    'corrupt: malware',
    'corrupt: wrong-bytes',
    'delete-folder',
    'delete-library',
    'fault',
    'gone while links were lost',
    'lag',
    'look',
    'move-folder',
    'rebuilt: nothing',
    'rebuilt: rows',
    'rebuilt: tables',
    'rebuilt: unnoticed',
    'restore',
    'swap',
  ],
}
