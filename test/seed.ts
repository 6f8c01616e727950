/**
 * Loaded before every test file: property tests begin at one seed, so that a run can be repeated.
 *
 * `HOLDFAST_TEST_SEED=n npm test` begins at another; `HOLDFAST_TEST_SEED=random` at a new one each
 * time, which is how new counterexamples are found. A failure prints its seed and path.
 */
import { randomInt } from 'node:crypto'
import fc from 'fast-check'

const SEED_DEFAULT = 20261121
const given = process.env['HOLDFAST_TEST_SEED'] ?? String(SEED_DEFAULT)

fc.configureGlobal({ seed: given === 'random' ? randomInt(2 ** 31) : Number(given) })
