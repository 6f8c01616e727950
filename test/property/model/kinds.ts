/** Everything that stories are played about. */
import { FILES } from './files/index.ts'
import { MAIL } from './mail/index.ts'
import { type Stories, storiesOf } from './stories.ts'

export const KINDS = { mail: storiesOf(MAIL), files: storiesOf(FILES) } as const satisfies Record<
  string,
  Stories
>

export type KindName = keyof typeof KINDS
