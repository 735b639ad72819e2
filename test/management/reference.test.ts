import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApiDocument } from '../../server/management/openapi/document.ts'
import { operation } from '../../server/management/operation.ts'
import { OPERATIONS } from '../../server/management/operations.ts'
import { referencePage } from '../../server/management/reference/page.ts'
import { describeDeployment } from '../deployments.ts'
import { useChromium } from '../services/chromium.ts'
import { type Caller, startDeployment } from '../start.ts'

const PATH = '/v1/reference'

describeDeployment('embedded', PATH, (open) => {
  const browser = useChromium()
  let live: Caller
  let sandbox: Caller
  beforeAll(async () => {
    const { nodes } = await startDeployment(open)
    live = nodes[0].at('live')
    sandbox = nodes[0].at('test')
  })

  test('is a page that anyone may read, keep, and run no script in', async () => {
    const { status, headers, text } = await live.get(PATH)
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(headers['cache-control']).toBe('public, max-age=3600')
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(text).not.toMatch(/<script|<style|\son\w+=|\sstyle=/i)
    expect((await live.get(PATH, { 'if-none-match': headers.etag as string })).status).toBe(304)
  })

  test('has every operation', async () => {
    const { text } = await live.get(PATH)
    for (const { method, path, requires } of OPERATIONS) {
      expect(text).toContain(`${method}</span> <code>${path.replace(':id', '{id}')}</code>`)
      if (requires) expect(text).toContain(`<code>${requires}</code>`)
    }
  })

  test('every link within it leads somewhere, and no two places have one name', async () => {
    const { text } = await live.get(PATH)
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target)
  })

  test('test mode wears its banner', async () => {
    expect((await sandbox.get(PATH)).text).toContain('nothing here touches live data')
    expect((await live.get(PATH)).text).not.toContain('test-banner')
  })

  describe('in Chromium', () => {
    test.each(['light', 'dark'] as const)(
      'in %s, on a phone: nothing is wider, nothing is broken',
      async (colorScheme) => {
        const context = await browser().newContext({ colorScheme, viewport: { width: 360, height: 640 } })
        const page = await context.newPage()
        const broken: string[] = []
        page.on('console', (message) => message.type() === 'error' && broken.push(message.text()))
        await page.goto(live.issuer + PATH)
        await page.evaluate('document.querySelectorAll("details").forEach((entry) => { entry.open = true })')
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
        expect(broken).toEqual([])
        await context.close()
      },
    )

    test('by keyboard alone, without scripts: an entry opens and shows what it takes', async () => {
      const context = await browser().newContext({ javaScriptEnabled: false })
      const page = await context.newPage()
      await page.goto(`${live.issuer}${PATH}#apps`)
      const entry = page.locator('#appsCreate')
      const field = entry.getByText('redirect_uris', { exact: true }).first()
      expect(await field.isVisible()).toBe(false)
      await entry.locator('summary').focus()
      await page.keyboard.press('Enter')
      await field.waitFor({ state: 'visible' })
      await context.close()
    })
  })
})

test('whatever an operation says is escaped', () => {
  const nasty = '<img src=x onerror=alert(1)>"\'&'
  const tricky = z.strictObject({ [nasty]: z.enum([nasty]).meta({ description: nasty }) })
  const tricked = operation({
    ...{ method: 'POST', path: `/v1/${nasty}`, requires: nasty, status: 200, summary: nasty, explanation: nasty },
    ...{ query: tricky, body: tricky, answer: tricky.meta({ id: nasty }) },
    handle: async () => ({}),
  })
  const metadata = { authorization_endpoint: nasty, token_endpoint: nasty }
  const page = referencePage('live', openApiDocument({ issuer: nasty, mode: 'live', metadata, operations: [tricked] }))
  expect(page).not.toContain('<img')
  expect(page).not.toContain(nasty.slice(-3))
  expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;')
})
