/** All cases. */
import type { ConformanceCase } from '../suite/case.ts'
import { CHILDREN } from './children.ts'
import { CONTROL } from './control.ts'
import { ENTITIES } from './entities.ts'
import { EVENTS } from './events.ts'
import { FAILURES } from './failures.ts'
import { HTTP } from './http.ts'
import { HTTP_CALLS } from './http-calls.ts'
import { RETRIES } from './retries.ts'
import { STREAMING } from './streaming.ts'
import { TASKS } from './tasks.ts'
import { VALUES } from './values.ts'

export const CASES: readonly ConformanceCase[] = [
  ...TASKS,
  ...RETRIES,
  ...VALUES,
  ...EVENTS,
  ...CHILDREN,
  ...CONTROL,
  ...FAILURES,
  ...HTTP,
  ...ENTITIES,
  ...HTTP_CALLS,
  ...STREAMING,
]
