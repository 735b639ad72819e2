import { expect, test } from 'vitest'
import { CHECKS } from '../../conformance/checks/index.ts'
import { Profile } from '../../conformance/profile.ts'
import { type Result, runChecks } from '../../conformance/run-checks.ts'
import { systemClock } from '../../server/clock.ts'
import { describeDeployments } from '../deployments.ts'
import { startDeployment } from '../start.ts'
import { keycourtProfile } from './keycourt-profile.ts'

/** The contract wants a scope that is too much to be named; OpenID Connect would have it ignored, as a SHOULD. */
const OTHERWISE_BY_CONTRACT = ['OpenID Connect Core 1.0 §3.1.2.1 unknown-scope']

/** The suite is outside: it lives by the real time. */
const ticking = { ...systemClock, advance: () => {} }

const having = (results: readonly Result[], outcome: Result['outcome']) =>
  results.filter((result) => result.outcome === outcome)

describeDeployments('Keycourt conforms', (open) => {
  test('no requirement fails, and all is offered but JWT access tokens', { timeout: 120_000 }, async () => {
    const deployment = await startDeployment(open, { clock: ticking, outboundAllow: ['127.0.0.1'] })
    const profile = Profile.parse(await keycourtProfile(deployment))
    const { issuer } = deployment.nodes[0].at('live')
    const { results } = await runChecks({ issuer, profile }, CHECKS)
    expect(having(results, 'failed').filter(({ id }) => !OTHERWISE_BY_CONTRACT.includes(id))).toEqual([])
    expect(new Set(having(results, 'not offered').map(({ rfc }) => rfc))).toEqual(new Set(['RFC 9068']))
  })
})
