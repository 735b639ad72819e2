import fc from 'fast-check'

/** What outsiders send where a text is wanted: NUL, halves of surrogate pairs, what looks like something else, and long ones. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\u0000',
      '\ud800',
      '\udc00\ud800',
      '\u202e',
      '\ufeff',
      '%',
      '%00',
      '%ff',
      '__proto__',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 20_000 }))
      .map(([text, times]) => text.repeat(times)),
  },
)

/** What may stand in a text's place after somebody changed one character of it. */
const oneCharacter = fc.oneof(
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }),
  fc.constantFrom('', '\u0000', '\ud800', 'é', 'Ａ', '_', '.', '*', '%', ' ', '\n'),
)

const otherCase = (letter: string): string =>
  letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()

/** A text that differs from `text` by one character: changed, in another case, left out, put in, or two that changed places. */
export const mutated = (text: string): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc
        .tuple(fc.nat({ max: Math.max(text.length - 1, 0) }), oneCharacter)
        .map(([at, character]) => text.slice(0, at) + character + text.slice(at + 1)),
      fc
        .tuple(fc.nat({ max: text.length }), oneCharacter)
        .map(([at, character]) => text.slice(0, at) + character + text.slice(at)),
      fc
        .nat({ max: Math.max(text.length - 1, 0) })
        .map((at) => text.slice(0, at) + otherCase(text[at] ?? '') + text.slice(at + 1)),
      fc
        .nat({ max: Math.max(text.length - 2, 0) })
        .map((at) => text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2)),
    )
    .filter((changed) => changed !== text)

/** C0 and DEL. */
export const hasControl = (text: string): boolean =>
  Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)).some((code) => code < 0x20 || code === 0x7f)
