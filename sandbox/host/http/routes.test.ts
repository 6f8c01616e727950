import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchRoute, parseRoute, sortRoutes } from './routes.ts'

/** The template that serves a path, with its parameters; undefined for a 404. */
function serve(templates: readonly string[], path: string): [string, unknown] | undefined {
  const routes = sortRoutes(templates.map((template) => parseRoute(template, ['get'], template)))
  const match = matchRoute(routes, 'GET', path.split('/'))
  return match && [match.target, match.params]
}

const constraints: readonly [string, string, string][] = [
  ['int', '-7', '2147483648'],
  ['long', '9223372036854775807', '9223372036854775808'],
  ['guid', '0f8fad5b-d9cb-469f-a165-70867728950e', '0f8fad5b'],
  ['bool', 'TRUE', '1'],
  ['alpha', 'abC', 'a1'],
  ['decimal', '-1.5', 'x'],
  ['length(3)', 'abc', 'ab'],
  ['length(2,3)', 'ab', 'abcd'],
  ['minlength(2)', 'ab', 'a'],
  ['maxlength(2)', 'ab', 'abc'],
  ['min(5)', '5', '4'],
  ['max(5)', '5', '6'],
  ['range(1,3)', '3', '4'],
  ['regex(^\\d{2}/?$)', '12', '123'],
  ['int:min(3)', '3', '2'],
]

for (const [constraint, good, bad] of constraints) {
  test(`{x:${constraint}} takes ${good} and not ${bad}`, () => {
    const template = `a/{x:${constraint}}`
    assert.deepEqual(serve([template], `a/${good}`), [template, { x: good }])
    assert.equal(serve([template], `a/${bad}`), undefined)
  })
}

test('literals win over constraints, those over plain parameters, those over catch-alls', () => {
  const templates = ['{*all}', 'a/{x}', 'a/{x:int}', 'a/b']
  assert.equal(serve(templates, 'a/b')?.[0], 'a/b')
  assert.equal(serve(templates, 'a/1')?.[0], 'a/{x:int}')
  assert.equal(serve(templates, 'a/c')?.[0], 'a/{x}')
  assert.equal(serve(templates, 'a/c/d')?.[0], '{*all}')
})

test('optional parameters and defaults', () => {
  assert.deepEqual(serve(['a/{x?}'], 'a'), ['a/{x?}', {}])
  assert.deepEqual(serve(['a/{x:int?}'], 'a/5'), ['a/{x:int?}', { x: '5' }])
  assert.deepEqual(serve(['a/{x=7}'], 'a'), ['a/{x=7}', { x: '7' }])
})

test('what cannot be served is refused at the start', () => {
  for (const template of ['a/{x}.{y}', 'a/{x:file}', 'a/x{y}']) {
    assert.throws(() => parseRoute(template, [], 0), { code: 'bad-setting' })
  }
})
