import { beforeAll, expect, test } from 'vitest'
import type { Storage } from '../../server/storage/open.ts'
import { describeDeployment, type OpenStorage } from '../deployments.ts'
import { type Caller, startDeployment, type TestDeployment } from '../start.ts'
import { createTenant, type TestTenant } from '../tenants.ts'
import { KINDS, type Subjects, subjectsOf } from './introspection-subjects.ts'

/** CVE-2026-27840: of an opaque token the beginning was enough. */
describeDeployment('cluster', 'what is nearly a credential', (open) => {
  let deployment: TestDeployment
  let live: Caller
  let tenant: TestTenant
  let subjects: Subjects
  let lookedUp = 0

  /** Counts what is asked of the stores about a token, a family or a client; the caller's own standing is none of these. */
  const openCounting: OpenStorage = async (needs) => {
    const opened = await open(needs)
    const counting = (storage: Storage): Storage => {
      const { live } = storage.state
      const watched: typeof live = {
        ...live,
        findToken: (digest) => {
          lookedUp++
          return live.findToken(digest)
        },
        findRecord: (key) => {
          lookedUp++
          return live.findRecord(key)
        },
      }
      return { ...storage, state: { ...storage.state, live: watched } }
    }
    return { ...opened, nodes: [counting(opened.nodes[0]), opened.nodes[1]] }
  }

  beforeAll(async () => {
    deployment = await startDeployment(openCounting)
    live = deployment.nodes[0].at('live')
    tenant = await createTenant(deployment)
    subjects = await subjectsOf(deployment, tenant)
  })

  /** Every beginning of it, and what somebody might add, change or hide in it. */
  function nearly(text: string): string[] {
    const beginnings = Array.from({ length: text.length - 1 }, (_, at) => text.slice(0, at + 1))
    const flipped = [...text].map((letter, at) => text.slice(0, at) + (letter === 'a' ? 'b' : 'a') + text.slice(at + 1))
    const framed = ['\u0000', '\n', ' ', '\t', '0', '=', '%00', '\u200b', '"', "'"].flatMap((odd) => [
      ...[`${text}${odd}`, `${odd}${text}`, text.slice(0, 20) + odd + text.slice(20)],
    ])
    const spelled = [text.toUpperCase(), text.toLowerCase(), text.replace('_live_', '_test_'), `${text}${text}`]
    const wide = text.replace(/[a-z]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0))
    const endless = [text.repeat(10_000), text.padEnd(1_000_000, 'A'), text.padEnd(1_000_000, '\u0000')]
    const all = [...beginnings, ...flipped, ...framed, ...spelled, wide, ...endless]
    return [...new Set(all)].filter((each) => each !== text)
  }

  test.each(KINDS)('%s: any part or neighbour of it is inactive, and no store is asked [attack 69]', async (kind) => {
    const text = subjects.texts[kind]
    const all = nearly(text)
    expect(all.length).toBeGreaterThan(120)
    lookedUp = 0
    const wrong: string[] = []
    const ask = async (token: string) => {
      const { status, text: answer } = await live.introspect(tenant.keys.live, token)
      // A body of more than 1 MB, as it is once its NULs are escaped, isn't read at all.
      const isTooLong = status === 413 && encodeURIComponent(token).length > 1024 * 1024
      if (!isTooLong && answer !== '{"active":false}') wrong.push(`${status} ${answer} for ${token.slice(0, 100)}`)
    }
    for (let at = 0; at < all.length; at += 20) await Promise.all(all.slice(at, at + 20).map(ask))
    expect(wrong).toEqual([])
    expect(lookedUp).toBe(0)
    // What was counted is what is asked about the whole of it, where that is in the hot store.
    expect((await live.introspect(tenant.keys.live, text)).body.active).toBe(true)
    if (kind.endsWith('access_token') && kind !== 'personal_access_token') expect(lookedUp).toBeGreaterThan(0)
  })

  test('revoking any part of it revokes nothing [attack 69, 71]', async () => {
    for (const text of Object.values(subjects.texts)) {
      for (const token of [text.slice(0, -1), text.slice(0, 20), `${text}0`, `${text}\u0000`, text.toUpperCase()]) {
        expect((await live.revoke(tenant.keys.live, token)).status).toBe(200)
      }
      expect((await live.introspect(tenant.keys.live, text)).body.active).toBe(true)
    }
  })
})
