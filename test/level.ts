/**
 * HOLDFAST_TEST_MORE: continuous integration has more time than somebody who waits for `npm test`,
 * and takes more points, victims, stories and steps of the same tests.
 */
export const TAKES_MORE = process.env['HOLDFAST_TEST_MORE'] !== undefined

/**
 * For suites that bring all of Holdfast up to see from outside, on more bad days, what others hold
 * already: too long for somebody who waits.
 */
export const UNLESS_MORE =
  TAKES_MORE || process.env['HOLDFAST_CRASH_RUNS'] !== undefined
    ? {}
    : { skip: 'HOLDFAST_TEST_MORE=1 takes it, as continuous integration does' }
