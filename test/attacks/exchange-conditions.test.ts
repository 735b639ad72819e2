import { beforeAll, describe, expect, test } from 'vitest'
import type { Condition } from '../../server/workload-identity/model.ts'
import { describeDeployment } from '../deployments.ts'
import { equals } from '../oauth/workloads.ts'
import { startDeployment, type TestDeployment } from '../start.ts'
import { createIssuer, type TestIssuer } from '../workload-identity/issuer.ts'
import { trust } from './exchange-trust.ts'

const GITHUB = 'https://token.actions.githubusercontent.com'
const OWNER = equals('repository_owner_id', '65')
const REPOSITORY = equals('repository_id', '74')
const glob = (claim: string, value: string): Condition => ({ claim, op: 'glob', value })
const prefix = (claim: string, value: string): Condition => ({ claim, op: 'prefix', value })

/** Tokens have the issuer that GitHub's have; an admin has said where its keys are, and there ours are. */
describeDeployment('cluster', "a job's token that looks like an allowed one", (open) => {
  let deployment: TestDeployment
  let keys: TestIssuer

  beforeAll(async () => {
    deployment = await startDeployment(open, { outboundAllow: ['127.0.0.1'] })
    keys = await createIssuer({ aud: deployment.nodes[0].at('live').issuer, clock: deployment.clock })
  })
  const github = (...conditions: Condition[]) =>
    trust(deployment, {
      ...{ platform: 'github-actions', issuer: GITHUB, conditions },
      more: { jwks_uri: keys.jwksUri },
    })
  const JOB = {
    ...{ iss: GITHUB, sub: 'repo:org/repo:ref:refs/heads/main', ref: 'refs/heads/main', event_name: 'push' },
    ...{ repository: 'org/repo', repository_id: '74', repository_owner: 'org', repository_owner_id: '65' },
    job_workflow_ref: 'org/repo/.github/workflows/deploy.yml@refs/heads/main',
  }
  const job = (claims: object = {}) => keys.sign({ ...JOB, ...claims })

  const MAIN = 'repo:org/repo:ref:refs/heads/main'
  const SUBS: readonly [what: string, Condition, good: string, bad: string[]][] = [
    [
      'a branch, whole',
      equals('sub', MAIN),
      MAIN,
      [
        'repo:org/repo-evil:ref:refs/heads/main',
        'repo:org-evil/repo:ref:refs/heads/main',
        'repo:org/repo:ref:refs/heads/main-x',
        'repo:org/repo:ref:refs/heads/x/refs/heads/main',
        'repo:org/repo:environment:x:ref:refs/heads/main',
        'repo:org/repo:ref:refs/tags/main',
        'Repo:org/repo:ref:refs/heads/main',
        `${MAIN}\n`,
        `evil\n${MAIN}`,
      ],
    ],
    [
      'a repository, by prefix',
      prefix('sub', 'repo:org/repo:'),
      MAIN,
      [
        'repo:org/repo-evil:ref:refs/heads/main',
        'repo:org/repo',
        'x:repo:org/repo:ref:refs/heads/main',
        'REPO:org/repo:',
      ],
    ],
    [
      'any repository of an owner',
      glob('sub', 'repo:org/*:ref:refs/heads/main'),
      MAIN,
      [
        'repo:org-evil/repo:ref:refs/heads/main',
        'repo:org/repo/evil:ref:refs/heads/main',
        'repo:org/repo:environment:x:ref:refs/heads/main',
        'repo:org/repo:ref:refs/heads/x/refs/heads/main',
        'repo:org/repo:ref:refs/heads/main-x',
      ],
    ],
    [
      'any environment',
      glob('sub', 'repo:org/repo:environment:*'),
      'repo:org/repo:environment:production',
      [
        'repo:org/repo:environment:x:ref:refs/heads/main',
        'repo:org/repo:environment:x/y',
        'repo:org/repo-evil:environment:production',
      ],
    ],
    [
      'an alternative, which is a character',
      glob('sub', 'repo:org/a|repo:evil/*'),
      'repo:org/a|repo:evil/b',
      ['repo:org/a', 'repo:evil/b', 'repo:evil/*'],
    ],
    [
      'the end of a group, which is two',
      glob('sub', 'repo:org/a)|(.*'),
      'repo:org/a)|(.b',
      ['repo:org/a', 'b', 'repo:evil/b'],
    ],
    [
      'a class, a quantifier, an anchor',
      glob('sub', '^repo:org/[a-z]+.?$'),
      '^repo:org/[a-z]+.?$',
      ['repo:org/a', 'repo:org/repo', '^repo:org/a.?$'],
    ],
  ]
  test.each(SUBS)('sub: %s [attack 48]', async (_, condition, good, bad) => {
    const { expectTaken, expectRefused } = await github(OWNER, condition)
    for (const sub of bad) await expectRefused(await job({ sub }), 'no binding matched: sub')
    await expectTaken(await job({ sub: good }))
  })

  const REFS: readonly [Condition, good: string, bad: string[]][] = [
    [glob('ref', 'refs/heads/*'), 'refs/heads/main', ['refs/heads/x/main', 'refs/tags/main', 'refs/heads']],
    [glob('ref', '*'), 'main', ['refs/heads/main', 'a:b']],
    [glob('ref', '**'), 'main', ['refs/heads/main', 'a/b']],
    [prefix('ref', 'refs/heads/release/'), 'refs/heads/release/1', ['refs/heads/release-x', 'x/refs/heads/release/1']],
    [equals('ref', 'refs/heads/main'), 'refs/heads/main', ['x/refs/heads/main', 'refs/heads/x/refs/heads/main']],
  ]
  test.each(REFS)('ref: %j [attack 48]', async (condition, good, bad) => {
    const { expectTaken, expectRefused } = await github(REPOSITORY, condition)
    for (const ref of bad) await expectRefused(await job({ ref }), 'no binding matched: ref')
    await expectTaken(await job({ ref: good }))
  })

  describe('the two forms of sub', () => {
    const immutable = 'repo:org@65/repo@74:ref:refs/heads/main'

    test('by the ids, both are taken, and a repository that was made anew under the name is not [attack 49]', async () => {
      const { expectTaken, expectRefused } = await github(REPOSITORY, OWNER)
      for (const sub of [MAIN, immutable]) {
        await expectTaken(await job({ sub }))
        await expectRefused(await job({ sub, repository_id: '99' }), 'no binding matched: repository_id')
        await expectRefused(await job({ sub, repository_owner_id: '99' }), 'no binding matched: repository_owner_id')
        await expectRefused(await job({ sub, repository_id: 74 }), 'no binding matched: repository_id')
        await expectRefused(await job({ sub, repository_id: undefined }), 'no binding matched: repository_id')
      }
    })

    test('by sub with the ids, that one alone [attack 49]', async () => {
      const { expectTaken, expectRefused } = await github(equals('sub', immutable))
      const others = [
        MAIN,
        ...['repo:org@65/repo@99', 'repo:org@99/repo@74'].map((made) => `${made}:ref:refs/heads/main`),
      ]
      for (const sub of others) await expectRefused(await job({ sub }), 'no binding matched: sub')
      await expectTaken(await job({ sub: immutable }))
    })

    test('by names alone nobody can be let in [attack 49]', async () => {
      for (const conditions of [[equals('sub', MAIN)], [equals('repository', 'org/repo'), equals('ref', 'main')]]) {
        await expect(github(...conditions)).rejects.toThrow('must pin whose repository')
      }
    })
  })

  describe('what outsiders can start', () => {
    const evil = 'evil/tools/.github/workflows/x.yml@refs/heads/main'

    test('a pull request of a fork, and pull_request_target [attack 50]', async () => {
      const { expectTaken, expectRefused } = await github(REPOSITORY)
      const fork = { sub: 'repo:org/repo:pull_request', ref: 'refs/pull/7/merge', head_ref: 'main', base_ref: 'main' }
      for (const event_name of ['pull_request', 'pull_request_target', ['push', 'pull_request']]) {
        await expectRefused(await job({ ...fork, event_name }), 'event_name denied')
      }
      await expectTaken(await job())
    })

    test('a pull request is let in by its name and by no pattern; pull_request_target by nothing [attack 50]', async () => {
      const named = await github(REPOSITORY, equals('event_name', 'pull_request'))
      await named.expectTaken(await job({ event_name: 'pull_request' }))
      await named.expectRefused(await job({ event_name: 'pull_request_target' }), 'event_name')
      const pattern = await github(REPOSITORY, glob('event_name', 'pull_*'))
      await pattern.expectRefused(await job({ event_name: 'pull_request' }), 'event_name denied')
      await pattern.expectRefused(await job({ event_name: 'pull_request_target' }), 'event_name denied')
      await expect(github(REPOSITORY, equals('event_name', 'pull_request_target'))).rejects.toThrow('always refused')
    })

    test("another owner's reusable workflow, unless it is named [attack 50]", async () => {
      const { expectTaken, expectRefused } = await github(REPOSITORY)
      const theirs = [evil, 'org-evil/x/.github/workflows/x.yml@r', 'orgevil', 'org', '', ['org/repo/x.yml@r'], 5]
      for (const job_workflow_ref of theirs) {
        await expectRefused(await job({ job_workflow_ref }), 'job_workflow_ref denied')
      }
      await expectTaken(await job({ job_workflow_ref: 'org/shared/.github/workflows/x.yml@v1' }))
      const named = await github(REPOSITORY, equals('job_workflow_ref', evil))
      await named.expectTaken(await job({ job_workflow_ref: evil }))
      await named.expectRefused(await job(), 'no binding matched: job_workflow_ref')
    })
  })
})
