import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchRoute, parseRoute, sortRoutes } from './routes.ts'

/** The template that serves a path, with its parameters; undefined for a 404. */
function serve(templates: readonly string[], path: string): [string, unknown] | undefined {
  const routes = sortRoutes(templates.map((template) => parseRoute(template, ['get'], template)))
  const match = matchRoute(routes, 'GET', path.split('/'))
  return match && [match.target, match.params]
}

const constraints: readonly [string, readonly string[], readonly string[]][] = [
  ['int', ['-7', '2147483647', ' 5 '], ['2147483648', '1.0', '']],
  ['long', ['9223372036854775807'], ['9223372036854775808']],
  ['guid', ['0f8fad5b-d9cb-469f-a165-70867728950e', '0F8FAD5BD9CB469FA16570867728950E'], ['0f8f']],
  ['bool', ['TRUE', 'false'], ['1', 'yes']],
  ['alpha', ['abC'], ['a1']],
  ['decimal', ['-1.5', '1,000.5', '5-'], ['x', '1e3']],
  ['double', ['-1.5e3', 'NaN', '-Infinity'], ['1.2.3']],
  ['float', ['.5'], ['1f']],
  ['datetime', ['2026-01-31', '2026-01-31T10:00:00Z', '12/31/2026 7:32pm'], ['2026', 'soon']],
  ['length(3)', ['abc'], ['ab', 'abcd']],
  ['length(2,3)', ['ab', 'abc'], ['a', 'abcd']],
  ['minlength(2)', ['ab'], ['a']],
  ['maxlength(2)', ['ab'], ['abc']],
  ['min(5)', ['5'], ['4', 'x']],
  ['max(5)', ['5'], ['6']],
  ['range(1,3)', ['1', '3'], ['0', '4']],
  ['regex(^\\d{{2}}/?$)', ['12'], ['123']],
  ['regex(^a=b$)', ['A=B'], ['a']],
  ['int:min(3)', ['3'], ['2']],
  ['INT', ['1'], ['a']],
  ['required', ['a'], []],
  ['file', ['a.txt'], ['a', 'a.', '..']],
  ['nonfile', ['a'], ['a.txt']],
]

for (const [constraint, good, bad] of constraints) {
  test(`{x:${constraint}} takes ${good.join(' ')} and not ${bad.join(' ')}`, () => {
    const template = `a/{x:${constraint}}`
    for (const value of good) {
      const path = ['a', value]
      assert.deepEqual(
        matchRoute([parseRoute(template, ['get'], 0)], 'GET', path)?.params,
        { x: value },
        value,
      )
    }
    for (const value of bad) assert.equal(serve([template], `a/${value}`), undefined, value)
  })
}

test('literals win over constraints, those over plain parameters, those over catch-alls', () => {
  const templates = ['{*all}', '{*all:maxlength(3)}', 'a/{x}', 'a/{x}-{y}', 'a/{x:int}', 'a/b']
  assert.equal(serve(templates, 'a/b')?.[0], 'a/b')
  assert.equal(serve(templates, 'a/1')?.[0], 'a/{x:int}')
  assert.equal(serve(templates, 'a/c-d')?.[0], 'a/{x}-{y}')
  assert.equal(serve(templates, 'a/c')?.[0], 'a/{x}')
  assert.equal(serve(templates, 'b/c')?.[0], '{*all:maxlength(3)}')
  assert.equal(serve(templates, 'a/c/d')?.[0], '{*all}')
})

test('optional parameters, defaults and catch-alls', () => {
  assert.deepEqual(serve(['a/{x?}'], 'a'), ['a/{x?}', {}])
  assert.deepEqual(serve(['a/{x:int?}'], 'a/5'), ['a/{x:int?}', { x: '5' }])
  assert.deepEqual(serve(['a/{x=7}'], 'a'), ['a/{x=7}', { x: '7' }])
  assert.deepEqual(serve(['a/{x:int=7}'], 'a'), ['a/{x:int=7}', { x: '7' }])
  assert.deepEqual(serve(['a/{*x}'], 'a'), ['a/{*x}', {}])
  assert.deepEqual(serve(['a/{**x}'], 'a/b/c/'), ['a/{**x}', { x: 'b/c' }])
  assert.deepEqual(serve(['a/{*x=b/c}'], 'a'), ['a/{*x=b/c}', { x: 'b/c' }])
})

test('letter case of literals and a trailing slash do not matter, values keep their case', () => {
  assert.deepEqual(serve(['Items/{id}'], 'iTEMS/aB/'), ['Items/{id}', { id: 'aB' }])
})

test('a segment of several parts is taken from the right', () => {
  assert.deepEqual(serve(['{name}.{ext}'], 'a.b.c')?.[1], { name: 'a.b', ext: 'c' })
  assert.deepEqual(serve(['{name}.{ext?}'], 'a')?.[1], { name: 'a' })
  assert.deepEqual(serve(['{name}.{ext?}'], 'a.b')?.[1], { name: 'a', ext: 'b' })
  assert.deepEqual(serve(['v{major:int}'], 'V2')?.[1], { major: '2' })
  assert.equal(serve(['v{major:int}'], 'vx'), undefined)
  assert.deepEqual(serve(['{{x}}'], '{x}')?.[1], {})
})

test('what no host can serve is refused at the start, with the reason', () => {
  const wrong: readonly [string, RegExp][] = [
    ['a/{x:slug}', /constraint "slug" cannot be resolved/],
    ['a/{x:length}', /constraint "length" cannot be resolved/],
    ['a/{x:range(1)}', /cannot be resolved/],
    ['a/{x:int(3)}', /cannot be resolved/],
    ['a/{x}/b/{x}', /comes twice/],
    ['a/{*x}/b', /not the last segment/],
    ['a//b', /two slashes/],
    ['a/{x', /brace/],
    ['a/{x:regex(\\d{2})}', /brace/],
    ['a/{}', /brace|no parameter/],
    ['a/{x}{y}', /two parameters in a row/],
    ['a/{x?}b', /optional part/],
    ['a/b?c', /question mark/],
  ]
  for (const [template, reason] of wrong) {
    assert.throws(() => parseRoute(template, [], 0), { code: 'bad-setting', message: reason })
  }
})
