import { beforeAll, expect, test } from 'vitest'
import type { Condition, Platform } from '../../server/workload-identity/model.ts'
import { describeDeployment } from '../deployments.ts'
import { equals } from '../oauth/workloads.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { trust } from './exchange-trust.ts'

const account = (digit: string) => `https://${digit.repeat(8)}-1111-1111-1111-111111111111.tokens.sts.global.api.aws`
const tenant = (digit: string) => `${digit.repeat(8)}-2222-3333-4444-555555555555`
const AWS_ACCOUNT = '/https:~1~1sts.amazonaws.com~1/aws_account'

/** Tokens have the names of the real issuers; an admin has said where their keys are, and there ours are. */
describeDeployment('cluster', "the same platform, and not the condition's", (open) => {
  let deployment: TestDeployment
  let keys: TestIssuer

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    keys = await createIssuer({ aud: deployment.nodes[0].at('live').issuer, clock: deployment.clock })
  })
  const of = (platform: Platform, issuer: string, ...conditions: Condition[]) =>
    trust(deployment, { platform, issuer, conditions, more: { jwks_uri: keys.jwksUri } })

  test("AWS: another account's issuer, and another account's role by the right one [attack 60]", async () => {
    const sub = 'arn:aws:iam::123456789012:role/Deploy'
    const claims = (aws_account: string) => ({ 'https://sts.amazonaws.com/': { aws_account } })
    const conditions = [equals('sub', sub), equals(AWS_ACCOUNT, '123456789012')]
    const { expectTaken, expectRefused } = await of('aws', account('a'), ...conditions)
    const token = (iss: string, id: string, named = sub) => keys.sign({ iss, sub: named, ...claims(id) })
    await expectRefused(await token(account('b'), '123456789012'), 'issuer')
    await expectRefused(await token('https://sts.amazonaws.com', '123456789012'), 'issuer')
    await expectRefused(await token(account('a'), '999999999999'), /no binding matched: .*aws_account/)
    const theirs = 'arn:aws:iam::999999999999:role/Deploy'
    await expectRefused(await token(account('a'), '123456789012', theirs), 'no binding matched: sub equals')
    await expectTaken(await token(account('a'), '123456789012'))
  })

  test.each([
    ['1', (id: string) => `https://sts.windows.net/${id}/`],
    ['2', (id: string) => `https://login.microsoftonline.com/${id}/v2.0`],
  ])("Azure, version %s: another tenant's issuer, and another tid by the right one [attack 60]", async (_, issuer) => {
    const [ours, theirs] = [tenant('a'), tenant('9')]
    const oid = tenant('7')
    const { expectTaken, expectRefused } = await of('azure', issuer(ours), equals('oid', oid))
    const token = (iss: string, tid: unknown) => keys.sign({ iss, tid, oid, sub: oid, idtyp: 'app' })
    await expectRefused(await token(issuer(theirs), theirs), 'issuer')
    await expectRefused(await token(issuer(theirs), ours), 'issuer')
    for (const tid of [theirs, ours.toUpperCase(), [ours], '']) {
      await expectRefused(await token(issuer(ours), tid), 'no binding matched: tid denied')
    }
    await expectTaken(await token(issuer(ours), ours))
  })

  test('Google: an address that is not verified, a number that is another, a person [attack 60]', async () => {
    const [sub, email] = ['104857600000000000000', 'deployer@p.iam.gserviceaccount.com']
    const issuer = 'https://accounts.google.com'
    const { expectTaken, expectRefused } = await of('gcp', issuer, equals('sub', sub), equals('email', email))
    const token = (claims: object) => keys.sign({ iss: issuer, sub, azp: sub, email, email_verified: true, ...claims })
    for (const email_verified of [false, 'false']) {
      await expectRefused(await token({ email_verified }), 'email_verified denied')
    }
    // The address of an account that was deleted, on the account that took it after that; and a person who has it.
    await expectRefused(await token({ sub: '117000000000000000000' }), 'no binding matched: sub equals')
    await expectRefused(await token({ sub: email }), 'no binding matched: sub equals')
    await expectRefused(await token({ sub: Number(sub) }), 'missing_claim')
    await expectTaken(await token({}))
    await expect(of('gcp', issuer, equals('email', email))).rejects.toThrow('must pin the service account')
  })

  test.each(['https://oidc.vercel.com', 'https://oidc.vercel.com/acme'])(
    'Vercel, %s: a preview against a condition for production, and another team [attack 60]',
    async (iss) => {
      const conditions = [
        equals('owner_id', 'team_1'),
        equals('project_id', 'prj_1'),
        equals('environment', 'production'),
      ]
      const { expectTaken, expectRefused } = await of('vercel', iss, ...conditions)
      const token = (claims: object) =>
        keys.sign({
          ...{ iss, sub: 'owner:acme:project:web:environment:production', owner: 'acme', project: 'web' },
          ...{ owner_id: 'team_1', project_id: 'prj_1', environment: 'production', ...claims },
        })
      for (const environment of ['preview', 'Production', 'production ', ['production'], undefined]) {
        await expectRefused(await token({ environment }), 'no binding matched: environment')
      }
      await expectRefused(await token({ environment: 'development' }), 'environment denied')
      await expectRefused(await token({ owner_id: 'team_2' }), 'no binding matched: owner_id')
      await expectRefused(await token({ project_id: 'prj_2' }), 'no binding matched: project_id')
      await expectTaken(await token({}))
    },
  )
})
