/** Keeps what no report may show. */
export interface Mask {
  remember(value: unknown): void
  apply(text: string): string
}

/** Short ones would mask words, and guard nothing. */
const SHORTEST = 8

export function createMask(): Mask {
  const known = new Set<string>()
  return {
    remember(value) {
      if (typeof value !== 'string' || value.length < SHORTEST) return
      known.add(value)
      known.add(encodeURIComponent(value))
    },
    apply: (text) =>
      [...known]
        .sort((one, other) => other.length - one.length)
        .reduce((masked, value) => masked.replaceAll(value, '***'), text),
  }
}
