/** Where a `*` ends: the separators of every platform's subjects and refs. */
const SEPARATOR = /[:/]/

/**
 * The whole text against a pattern in which `*` stands for any characters within one segment, none included, and
 * nothing else is special. As `*` crosses no separator, both are cut there and compared piece by piece: no piece is
 * looked at twice, and no pattern makes it slow.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const wanted = segmentsOf(pattern)
  const got = segmentsOf(text)
  return wanted.length === got.length && wanted.every((segment, at) => matchesSegment(segment, got[at] as string))
}

/** Separators are segments of their own: `:` isn't `/`. */
const segmentsOf = (text: string): string[] => text.split(new RegExp(`(${SEPARATOR.source})`))

/** What is before the first `*` must begin it, what is after the last must end it, the rest comes between in order. */
function matchesSegment(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return pattern === text
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  const between = text.slice(first.length, text.length - last.length)
  let from = 0
  for (const part of others) {
    const found = between.indexOf(part, from)
    if (found < 0) return false
    from = found + part.length
  }
  return true
}
