import { beforeAll, expect, test } from 'vitest'
import { FAILURES_PER_MINUTE } from '../../server/credentials/failure-limit.ts'
import { newStandardKey, splitKey } from '../../server/credentials/format.ts'
import { type Caller, callerAt } from '../command/caller.ts'
import { describeDeployment } from '../deployments.ts'
import { startDeployment, type TestDeployment } from '../start.ts'

const GUESSES = 5_000
const AT_ONCE = 40

describeDeployment('cluster', 'ten thousand guesses at a key', (open) => {
  let deployment: TestDeployment
  let caller: Caller

  beforeAll(async () => {
    deployment = await startDeployment(open, { trustProxy: true })
    const { issuer } = deployment.nodes[0].at('live')
    // Connections that are kept: this is about what is answered, not about TCP.
    caller = callerAt(Number(new URL(issuer).port), issuer)
  })

  const mint = async (client_secret: string, address: string) => {
    const { client_id } = deployment.made.live
    const { status, json, headers } = await caller.send('POST', '/oauth/token', {
      form: { grant_type: 'client_credentials', client_id, client_secret },
      headers: { 'x-forwarded-for': address },
    })
    return { status, error: json.error as string | undefined, retryAfter: headers['retry-after'] }
  }
  /** Right in form, so that somebody has to look. */
  const guess = () => splitKey(newStandardKey('live', deployment.made.live.client_id.slice(3))).clientSecret

  /** What they were answered; meanwhile the owner, elsewhere, asks as well. */
  async function flood(addressOf: (at: number) => string) {
    const answers: Awaited<ReturnType<typeof mint>>[] = []
    const owners: number[] = []
    let next = 0
    const guesser = async () => {
      while (next < GUESSES) {
        const at = next++
        answers.push(await mint(guess(), addressOf(at)))
        if (at % 250 === 0) owners.push((await mint(deployment.made.live.client_secret, '2001:db8:900d::1')).status)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, guesser))
    expect(owners).toEqual(Array(GUESSES / 250).fill(200))
    return answers
  }

  /** 401 for as many as a minute allows; all others are told to wait, and none is let in. */
  function expectLimited(answers: Awaited<ReturnType<typeof flood>>, most: number) {
    const heard = answers.filter(({ status, error }) => status === 401 && error === 'invalid_client')
    const told = answers.filter(({ status, error }) => status === 429 && error === 'rate_limited')
    expect(heard.length + told.length).toBe(GUESSES)
    expect(heard.length).toBeGreaterThanOrEqual(most)
    // A minute may end meanwhile, and another begin.
    expect(heard.length).toBeLessThanOrEqual(2 * most)
    for (const { retryAfter } of told) expect(retryAfter).toMatch(/^([1-9]|[1-5]\d|60)$/)
  }

  test('5,000 from all addresses of one /64 [attack 1]', async () => {
    const answers = await flood(
      (at) => `2001:db8:bad:1:${at.toString(16)}:${(at * 7).toString(16)}::${at.toString(16)}`,
    )
    expectLimited(answers, FAILURES_PER_MINUTE.clientFromNetwork)
  }, 120_000)

  test('5,000 from as many networks [attack 1]', async () => {
    const answers = await flood((at) => `2001:db8:${at.toString(16)}:2::1`)
    // What the first flood has used up of the client's minute is missing here.
    expectLimited(answers, FAILURES_PER_MINUTE.client - 2 * FAILURES_PER_MINUTE.clientFromNetwork)
  }, 120_000)
})
