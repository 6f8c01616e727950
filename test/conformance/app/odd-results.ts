/** What an activity may return or throw that is not plain JSON. */

function circular(): unknown {
  const self: Record<string, unknown> = {}
  self['self'] = self
  return self
}

export const ODD_RESULTS = {
  undefined: () => undefined,
  null: () => null,
  function: () => () => 1,
  date: () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)),
  nan: () => Number.NaN,
  buffer: () => Buffer.from('bytes'),
  minusZero: () => -0,
  beyond64Bits: () => Number('12345678901234567890'),
  bigint: () => 1n,
  circular,
  text: () => 'a text',
  digits: () => '123',
  nested: () => ({ a: [1, { b: null }], at: new Date(0), gone: undefined }),
  throwsUndefined: () => {
    throw undefined
  },
  throwsObject: () => {
    throw { code: 7, why: 'no error' }
  },
} as const satisfies Record<string, () => unknown>

export type OddResult = keyof typeof ODD_RESULTS
