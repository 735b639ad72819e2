import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { ensureChromium } from './binaries.ts'

/** One for a suite. It is asked for when a test runs. */
export function useChromium(): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    // Its own sandbox needs rights that containers don't give; it only meets our pages here.
    browser = await chromium.launch({ executablePath: ensureChromium(), args: ['--no-sandbox', '--disable-gpu'] })
  })
  afterAll(async () => {
    await browser?.close()
  })
  return () => {
    if (!browser) throw new Error('Chromium runs while the suite does')
    return browser
  }
}
