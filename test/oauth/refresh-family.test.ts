import { beforeEach, describe, expect, test } from 'vitest'
import { createDigests } from '../../server/credentials/digest.ts'
import { parseCredential, type RefreshTokenCredential } from '../../server/credentials/format.ts'
import { deriveMasterKeys } from '../../server/credentials/master-key.ts'
import { succeed } from '../../server/oauth/oauth-error.ts'
import { createRefreshFamilies, type Family, type RefreshFamilies } from '../../server/oauth/refresh-family.ts'
import { createTestClock, type TestClock } from '../clock.ts'

const MASTER_KEY = Buffer.alloc(32, 7)
const DIGESTS = createDigests(deriveMasterKeys([MASTER_KEY]))

/** Everything that was ever written, as a reader of the store's log would see it. */
function createRecordingState() {
  const records = new Map<string, string>()
  const written: string[] = []
  const write = (key: string, record: string) => {
    written.push(key, record)
    records.set(key, record)
  }
  return {
    written,
    putRecord: async (key: string, record: string) => write(key, record),
    findRecord: async (key: string) => records.get(key),
    async swapRecord(key: string, before: string, after: string, _expiresAt?: number) {
      if (records.get(key) !== before) return false
      write(key, after)
      return true
    },
  }
}

describe('a refresh family', () => {
  let clock: TestClock
  let state: ReturnType<typeof createRecordingState>
  let families: RefreshFamilies
  let family: Family

  beforeEach(() => {
    clock = createTestClock()
    state = createRecordingState()
    families = createRefreshFamilies({ mode: 'live', state, digests: DIGESTS, clock })
    family = {
      ...{ tenantId: 'ten_a', clientRef: 'client01', clientEpoch: 1, memberId: 'mem_a', consentRef: 'consent1' },
      ...{ consentEpoch: 1, scope: ['a:b'], audience: 'https://api.example', authTime: 1, amr: ['pwd'] },
      ...{ endsAt: clock.now() + 90 * 24 * 3600_000, idle: 30 * 24 * 3600_000 },
    }
  })

  const credentialOf = (token: string) => parseCredential(token) as RefreshTokenCredential
  const use = (token: string, retryWindow = 0) =>
    families.use(
      credentialOf(token),
      { clientRef: 'client01', scope: undefined, resource: [], jkt: undefined, binds: false, retryWindow },
      async () => succeed(undefined),
      async () => {},
    )

  test('leaves nothing in the store that could be used, or that names it as its tokens do', async () => {
    const tokens: string[] = []
    const { refreshToken } = await families.begin(family)
    tokens.push(refreshToken)
    for (let generation = 0; generation < 3; generation++) {
      const used = await use(tokens.at(-1) as string, 60_000)
      if (!used.ok) throw new Error(used.error.description)
      tokens.push(used.value.refreshToken)
    }
    const log = state.written.join('\n')
    for (const token of tokens) {
      expect(log).not.toContain(token)
      expect(log).not.toContain(token.slice(8, 24)) // the family's name
      expect(log).not.toContain(token.slice(24, -6)) // the secret
    }
  })

  test('survives a rotation of the master key: a token hashed under the old one is found and used', async () => {
    const { refreshToken } = await families.begin(family)
    const rotated = createDigests(deriveMasterKeys([Buffer.alloc(32, 8), MASTER_KEY]))
    families = createRefreshFamilies({ mode: 'live', state, digests: rotated, clock })
    const used = await use(refreshToken)
    expect(used.ok && used.value.retried).toBe(false)
    expect((await use(refreshToken)).ok).toBe(false)
  })

  test('tells of theft before whoever found it is answered', async () => {
    const { refreshToken } = await families.begin(family)
    await use(refreshToken)
    const told: string[] = []
    const request = {
      clientRef: 'client01',
      scope: undefined,
      resource: [],
      jkt: undefined,
      binds: false,
      retryWindow: 0,
    }
    await families.use(
      credentialOf(refreshToken),
      request,
      async () => succeed(undefined),
      async ({ death }) => {
        told.push(death)
      },
    )
    expect(told).toEqual(['refresh_token_reused'])
  })

  test('once ended it stays ended, and is ended by one', async () => {
    const { familyId, refreshToken } = await families.begin(family)
    const ends = await Promise.all(Array.from({ length: 10 }, () => families.end(familyId, 'revoked')))
    expect(ends.filter(Boolean)).toHaveLength(1)
    expect(await families.isAlive(familyId)).toBe(false)
    expect((await use(refreshToken)).ok).toBe(false)
    expect(await families.find(credentialOf(refreshToken))).toBeUndefined()
  })

  test('ends by a clock that jumped beyond all of its ends', async () => {
    const { familyId } = await families.begin(family)
    clock.advance(365 * 24 * 3600_000)
    const ends: number[] = []
    const swapRecord: typeof state.swapRecord = async (key, before, after, expiresAt = 0) => {
      ends.push(expiresAt)
      if (ends.length > 3) throw new Error('it would try for ever')
      return expiresAt > clock.now() && state.swapRecord(key, before, after)
    }
    const here = createRefreshFamilies({ mode: 'live', state: { ...state, swapRecord }, digests: DIGESTS, clock })
    expect(await here.end(familyId, 'revoked')).toBeDefined()
    expect(await families.isAlive(familyId)).toBe(false)
  })
})
