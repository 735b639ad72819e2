import { expect, test, vi } from 'vitest'
import { warmIssuerKeys } from '../../server/workload-identity/warm.ts'
import { describeDeployment } from '../deployments.ts'
import { createServiceUser, createWorkloads, equals } from '../oauth/workloads.ts'
import { startDeployment } from '../start.ts'

describeDeployment('database', 'a start', (open) => {
  test('fetches the keys of the providers that somebody uses, and of no others', async () => {
    const deployment = await startDeployment(open)
    const live = deployment.nodes[0].at('live')
    const workloads = createWorkloads(deployment)
    const user = await createServiceUser(live, deployment.made.live.api_key)
    const conditions = [equals('sub', 'job')]
    const provider = async (issuer: string) => workloads.provider({ issuer })
    const used = await provider('https://used.example')
    await workloads.binding(used, user, { conditions })
    await provider('https://unused.example')
    const ended = await provider('https://ended.example')
    await workloads.disableBinding(await workloads.binding(ended, user, { conditions }), user)
    const disabled = await provider('https://disabled.example')
    await workloads.disableProvider(disabled, user, [await workloads.binding(disabled, user, { conditions })])

    const warm = vi.fn(async () => {})
    await warmIssuerKeys(deployment.storage.database, { warm })
    expect(warm).toHaveBeenCalledExactlyOnceWith([
      expect.objectContaining({ id: used.id, issuer: 'https://used.example' }),
    ])
  })
})
