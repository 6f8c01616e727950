/** Stories about a mailbox. */
import { PLANTS } from '../plants.ts'
import type { Kind } from '../source.ts'
import { happening, type MailDoing, trouble } from './doings.ts'
import { FOUND } from './found.ts'
import { MailSource } from './source.ts'

export const MAIL: Kind<MailDoing> = {
  ...{ happening, trouble, plants: PLANTS, found: FOUND },
  open: (service) => MailSource.open(service),
  met: [
    'a slice ends: died',
    'a slice ends: more',
    'a slice ends: wait',
    'a slice ends: busy',
    'a base',
    'a commit of cursors alone',
    'asleep',
    'corrupt',
    'delete-folder',
    'fault',
    'gone while links were lost',
    'lag',
    'look',
    'rebuilt: nothing',
    'rebuilt: rows',
    'rebuilt: tables',
    'rebuilt: unnoticed',
    'undelete',
  ],
}
