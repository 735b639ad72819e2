import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { runChecks } from '../../conformance/run-checks.ts'
import { startOidcProvider } from './oidc-provider.ts'

test('a bare oidc-provider', { timeout: 120_000 }, async () => {
  const { results } = await runChecks(await startOidcProvider(), CHECKS)
  if (process.env.SHOW) {
    const { writeFileSync } = await import('node:fs')
    writeFileSync('/tmp/conf-oidc.json', JSON.stringify(results))
  }
  expect(results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)).toEqual([])
})
