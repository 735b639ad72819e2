import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EVENTS } from '../../server/webhooks/events.ts'

test('the documentation lists the events that there are', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')
  const listed = text.split('\n').filter((line) => /^\| `[a-z_]+\.[a-z_]+`/.test(line))
  expect(listed).toEqual(Object.entries(EVENTS).map(([event, words]) => `| \`${event}\` | ${words} |`))
})
