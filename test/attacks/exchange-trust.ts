import { expect } from 'vitest'
import type { Condition, Platform } from '../../server/workload-identity/model.ts'
import { createServiceUser, equals, TOKEN_EXCHANGE, type } from '../oauth/workloads.ts'
import type { TestDeployment } from '../start.ts'

export const SUB = 'the job'

interface Trusted {
  readonly issuer: string
  readonly platform?: Platform
  readonly conditions?: readonly Condition[]
  /** Of the provider: where its keys are, its audiences, whether a token is good once. */
  readonly more?: object
}

/** A service user and the workloads that may act as it, as an admin makes them by the management API. */
export async function trust(deployment: TestDeployment, { issuer, platform = 'oidc', ...wanted }: Trusted) {
  const { conditions = [equals('sub', SUB)], more = {} } = wanted
  const live = deployment.nodes[0].at('live')
  const key = deployment.made.live.api_key
  const created = async (path: string, body: object) => {
    const answer = await live.api('POST', path, key, body)
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    return answer.body
  }
  const user = await createServiceUser(live, key)
  const provider = await created('/v1/workload-providers', { name: platform, platform, issuer, ...more })
  await created(`/v1/workload-providers/${provider.id}/bindings`, { service_user_id: user.id, conditions })

  const exchange = (subject_token: string, form: object = {}) =>
    live.form('/oauth/token', {
      ...{ grant_type: TOKEN_EXCHANGE, client_id: user.client_id },
      ...{ subject_token, subject_token_type: type('jwt'), ...form },
    } as Record<string, string>)
  return {
    exchange,
    /** What an admin is told of it. */
    async explain(subject_token: string) {
      const path = `/v1/workload-providers/${provider.id}/explain`
      return (await live.api('POST', path, key, { subject_token })).body.verification
    },
    async expectTaken(token: string) {
      const { status, body } = await exchange(token)
      expect(status, JSON.stringify(body)).toBe(200)
    },
    /** @param why the name of the check that failed */
    async expectRefused(token: string, why: string | RegExp) {
      const { status, body } = await exchange(token)
      expect([status, body.error], JSON.stringify(body)).toEqual([400, 'invalid_request'])
      expect(body.error_description).toMatch(why)
    },
  }
}

export type Trust = Awaited<ReturnType<typeof trust>>
