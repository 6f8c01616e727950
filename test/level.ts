/**
 * HOLDFAST_TEST_MORE: continuous integration has more time than somebody who waits for `npm test`,
 * and takes more points, victims, stories and steps of the same tests.
 */
export const TAKES_MORE = process.env['HOLDFAST_TEST_MORE'] !== undefined
