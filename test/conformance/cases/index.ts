/** All cases. */
import type { ConformanceCase } from '../suite/case.ts'
import { CHILDREN } from './children.ts'
import { CONTROL } from './control.ts'
import { EVENTS } from './events.ts'
import { FAILURES } from './failures.ts'
import { HTTP } from './http.ts'
import { RETRIES } from './retries.ts'
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
]
