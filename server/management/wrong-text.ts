/** No body of the API is nested deeper. */
const DEEPEST = 16

interface Wrong {
  readonly path: readonly PropertyKey[]
  readonly detail: string
}

/**
 * What JSON can say and no field means: PostgreSQL keeps neither U+0000 nor half a surrogate pair, and nesting without
 * end costs whoever walks it.
 */
export function wrongTexts(input: unknown): Wrong[] {
  const wrong: Wrong[] = []
  const open: { path: readonly PropertyKey[]; value: unknown }[] = [{ path: [], value: input }]
  for (const { path, value } of open) {
    if (path.length > DEEPEST) wrong.push({ path, detail: 'nested too deeply' })
    else if (typeof value === 'string' && !isKeepable(value))
      wrong.push({ path, detail: 'well-formed text without NUL' })
    else if (value instanceof Object) {
      for (const [name, member] of Object.entries(value)) open.push({ path: [...path, name], value: member })
    }
  }
  return wrong
}

const isKeepable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')
