import { describe, expect, test } from 'vitest'
import { STATIC_FILES, STYLE } from '../../server/sign-in/pages/static-files.ts'

const css = STATIC_FILES.get(STYLE)?.body ?? ''

const colours = (block: string) =>
  Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => m.slice(1)))
const [light = '', dark = ''] = [...css.matchAll(/:root \{[^}]*\}/g)].map(([block]) => block)
const themes = { light: colours(light), dark: { ...colours(light), ...colours(dark) } }

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

const TEXT = [
  ...['ground', 'surface', 'sunken', 'warn-ground'].map((on) => ['ink', on]),
  ...['ground', 'surface'].flatMap((on) => ['soft', 'accent', 'danger'].map((colour) => [colour, on])),
  ['on-accent', 'accent'],
  ['on-accent', 'accent-strong'],
  ['danger', 'danger-ground'],
  ['on-amber', 'amber'],
] as [string, string][]

describe.each(Object.entries(themes))('%s', (_, theme) => {
  const ratio = (colour: string, on: string) => contrast(theme[colour] ?? '', theme[on] ?? '')

  test.each(TEXT)('WCAG 2.2 §1.4.3: %s on %s can be read', (colour, on) => {
    expect(ratio(colour, on)).toBeGreaterThanOrEqual(4.5)
  })

  test.each(['ground', 'surface'])('WCAG 2.2 §1.4.11: the edge of a field or button is seen on %s', (on) => {
    expect(ratio('edge', on)).toBeGreaterThanOrEqual(3)
  })
})

test('the style loads nothing', () => expect(css).not.toMatch(/url\(|@import|@font-face/))
