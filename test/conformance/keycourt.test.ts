import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { Profile } from '../../conformance/profile.ts'
import { isFailedMust, runChecks } from '../../conformance/run-checks.ts'
import { systemClock } from '../../server/clock.ts'
import { describeDeployments } from '../deployments.ts'
import { startDeployment } from '../start.ts'
import { keycourtProfile } from './keycourt-profile.ts'

/** The suite is outside: it lives by the real time. */
const ticking = { ...systemClock, advance: () => {} }

describeDeployments('Keycourt conforms', (open) => {
  test('no MUST fails', { timeout: 120_000 }, async () => {
    const deployment = await startDeployment(open, { clock: ticking, outboundAllow: ['127.0.0.1'] })
    const profile = Profile.parse(await keycourtProfile(deployment))
    const { issuer } = deployment.nodes[0].at('live')
    const { results } = await runChecks({ issuer, profile }, CHECKS)
    if (process.env.SHOW) {
      const { writeFileSync } = await import('node:fs')
      writeFileSync('/tmp/conf-report.json', JSON.stringify(results))
      const { htmlReport } = await import('../../conformance/report/html.ts')
      writeFileSync('/tmp/conf.html', htmlReport({ issuer, at: new Date().toISOString(), results }))
    }
    expect(results.filter(isFailedMust)).toEqual([])
  })
})
