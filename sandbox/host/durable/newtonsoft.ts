/**
 * What the extension's JSON library makes of its own metadata names inside an activity's input.
 *
 * `$type` and `$id` vanish, `{$ref}` becomes nothing, `{$values: [...]}` becomes the array. Only
 * what was observed on the real host is copied; mixtures with `$ref` break an instance there.
 */

export function withoutJsonMetadata(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutJsonMetadata(item) ?? null)
  if (typeof value !== 'object' || value === null) return value
  if ('$ref' in value) return undefined
  if ('$values' in value && Array.isArray(value.$values)) return withoutJsonMetadata(value.$values)
  const members = Object.entries(value).filter(([name]) => name !== '$type' && name !== '$id')
  return Object.fromEntries(members.map(([name, member]) => [name, withoutJsonMetadata(member)]))
}
