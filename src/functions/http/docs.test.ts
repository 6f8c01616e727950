/**
 * docs/api.md and the code say the same: calls, rights, parameters, roles, problem codes.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ROLE_RIGHTS, ROLES } from '../../access/index.ts'
import { PROBLEM_STATUS, ROUTES } from './index.ts'

const text = await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8')
/** Everything from one call's heading to the next heading. */
const sections = text.split(/^#{1,3} /m).filter((part) => /^(GET|POST|PUT) /.test(part))

function all(pattern: RegExp, from: string): string[] {
  return [...from.matchAll(pattern)].map((match) => match[1] ?? '')
}

describe('docs/api.md', () => {
  it('describes exactly the routes that are registered', () => {
    const described = sections.map((section) => section.split('\n')[0])
    const registered = ROUTES.map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(described.toSorted(), registered.toSorted())
  })

  for (const { method, path, right } of ROUTES) {
    it(`${method} ${path}: its right, and a request and an answer that fit`, () => {
      const section = sections.find((part) => part.startsWith(`${method} ${path}\n`)) ?? ''
      assert.deepEqual(all(/^Right: `(\w+)`/gm, section), [right])
      const [request = '', answer = ''] = all(/^```\w+\n([\s\S]*?)\n```/gm, section)
      const pattern = path.replaceAll(/\{\w+\}/g, '[0-9A-Za-z-]+')
      assert.match(request, new RegExp(`^${method} /api/${pattern}(\\?\\S+)?(\n|$)`))
      assert.ok(answer.startsWith('HTTP/1.1 2') || typeof JSON.parse(answer) === 'object')
    })
  }

  it('lists the roles with their rights', () => {
    const rows = ROLES.map((role) => {
      const rights = ROLE_RIGHTS[role].map((right) => `\`${right}\``).join(' ')
      return `| ${role} | ${rights} |`
    })
    for (const row of rows) assert.ok(text.includes(`${row}\n`), row)
  })

  it('lists every problem code with its status', () => {
    const listed = all(/^\| (`\w+` \| \d{3}) \|$/gm, text)
    const known = Object.entries(PROBLEM_STATUS).map(([code, status]) => `\`${code}\` | ${status}`)
    assert.deepEqual(listed, known)
  })
})
