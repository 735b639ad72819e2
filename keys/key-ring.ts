import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { open } from '../server/credentials/sealed-at-rest.ts'
import type { Mode } from '../server/mode/mode.ts'
import type { Logger } from '../server/telemetry/log.ts'
import { ALGS, type Alg } from './generate.ts'
import { type JwksDocument, jwksDocument, publicMembers } from './jwks.ts'
import { isSuccessorDue, type KeyLife, publishedKeys, removableAt, removableKeys, signingKey } from './life.ts'
import { type Needs, removeRetired, resealKeys, rotateDue, sealingContext } from './rotate.ts'

/** What one mode signs with and publishes, at one moment. Never changes: the ring gets another. */
export interface KeySet {
  readonly jwks: JwksDocument
  /** Private JWKs for `jwks.keys` of oidc-provider 9, which signs with the first that fits: of each alg, the signer leads. */
  readonly signingKeys: readonly JWK[]
  /** What is published, in the order of the JWKS, and where in its life each is. */
  readonly published: readonly PublishedKey[]
  signer(alg: Alg): Signer
}

export interface PublishedKey {
  readonly kid: string
  readonly alg: string
  /** `published`: it doesn't sign yet; `retiring`: it verifies what it signed. */
  readonly status: 'published' | 'signing' | 'retiring'
  readonly createdAt: Date
  readonly signsFrom: Date
  /** When it goes out of the JWKS; undefined while it has no successor. */
  readonly removedFrom: Date | undefined
  readonly publicJwk: JWK
}

export interface Signer {
  readonly kid: string
  readonly alg: Alg
  readonly privateKey: KeyObject
}

export interface KeyRing {
  readonly mode: Mode
  current(): KeySet
  /** Looks at the table once. True if the key set changed; on an error the old one stays. */
  refresh(): Promise<boolean>
  /** Refreshes, and rotates or removes what is due: any node may, the database's lock decides which does. */
  follow(): Promise<void>
  /** @returns how to stop listening */
  onChange(listener: (keys: KeySet) => void): () => void
}

interface RingNeeds extends Needs {
  log: Pick<Logger, 'info' | 'error'>
  mode: Mode
  rotationDays: number
}

/** Keys of a mode as this node knows them; call `ensureKeys` before. @throws {CannotOpen} under the wrong master key. */
export async function createKeyRing(needs: RingNeeds): Promise<KeyRing> {
  const { database, masterKeys, clock, log, mode, rotationDays } = needs
  const listeners = new Set<(keys: KeySet) => void>()
  let opened = new Map<string, JWK>()
  let lives: KeyLife[] = []
  let fingerprint = ''
  let tail = Promise.resolve(false)

  async function load(): Promise<KeySet | undefined> {
    const found = await database.signingKey.findMany({
      where: { mode, removedAt: null },
      select: { kid: true, alg: true, createdAt: true, signsFrom: true, removedAt: true },
    })
    if (!found.length) throw new Error(`there are no signing keys for ${mode} mode`)
    const now = clock.now()
    const seen = fingerprintOf(found, now)
    if (seen === fingerprint) return undefined
    const jwks = await openAll(found)
    const set = keySetOf(found, jwks, now)
    ;[opened, lives, fingerprint] = [jwks, found, seen]
    return set
  }

  /** Opens only what this node doesn't hold yet: others may seal the rest under a master key that it has yet to get. */
  async function openAll(found: readonly KeyLife[]): Promise<Map<string, JWK>> {
    const unknown = found.flatMap(({ kid }) => (opened.has(kid) ? [] : kid))
    const rows = await database.signingKey.findMany({ where: { kid: { in: unknown }, removedAt: null } })
    const fresh = rows.map(({ kid, sealedPrivate }): [string, JWK] => {
      return [kid, JSON.parse(open(masterKeys, sealedPrivate, sealingContext(mode, kid)))]
    })
    const all = new Map([...opened, ...fresh])
    return new Map(found.flatMap(({ kid }) => (all.has(kid) ? [[kid, all.get(kid) as JWK]] : [])))
  }

  function announce(keys: KeySet): void {
    log.info({ mode, kids: keys.jwks.keys.map(({ kid }) => kid) }, 'signing keys changed')
    for (const listener of listeners) {
      try {
        listener(keys)
      } catch (error) {
        log.error({ err: error, mode }, 'a listener for signing keys failed')
      }
    }
  }

  /** One after the other: of two that overlap, the one that read first must not have the last word. */
  function refresh(): Promise<boolean> {
    const run = tail.then(look)
    tail = run.catch(() => false)
    return run
  }

  async function look(): Promise<boolean> {
    const next = await load()
    if (!next) return false
    current = next
    announce(next)
    return true
  }

  async function follow(): Promise<void> {
    await refresh()
    const now = clock.now()
    const due = ALGS.some((alg) => isSuccessorDue(lives, alg, now, rotationDays))
    const removable = removableKeys(lives, now).length > 0
    if (due) await rotateDue(needs, { mode, rotationDays })
    if (removable) await removeRetired(needs, mode)
    if (due || removable) await refresh()
  }

  await resealKeys(needs, mode)
  let current = (await load()) as KeySet // the first look always finds a change

  return {
    mode,
    current: () => current,
    refresh,
    follow,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Changes when a key comes or goes, and when one begins to sign. */
const fingerprintOf = (keys: readonly KeyLife[], now: number): string =>
  ALGS.map((alg) => {
    const kids = publishedKeys(keys, alg).map(({ kid }) => kid)
    return [signingKey(keys, alg, now)?.kid, ...kids].join()
  }).join(';')

/** Public halves come from the opened private ones: nobody who can only write to the table gets a key published. */
function keySetOf(lives: readonly KeyLife[], jwks: ReadonlyMap<string, JWK>, now: number): KeySet {
  const ordered = ALGS.flatMap((alg) => {
    const signer = signingKey(lives, alg, now)
    const others = publishedKeys(lives, alg).filter((key) => key !== signer)
    return signer ? [signer, ...others] : []
  })
  const signingKeys = ordered.flatMap(({ kid }) => jwks.get(kid) ?? [])
  const signers = new Map(ALGS.flatMap((alg) => signerOf(alg, signingKeys) ?? []).map((each) => [each.alg, each]))
  return {
    jwks: jwksDocument(signingKeys),
    signingKeys,
    published: ordered.flatMap((life) => {
      const jwk = jwks.get(life.kid)
      return jwk ? [publishedKey(lives, life, jwk, now)] : []
    }),
    signer(alg) {
      const signer = signers.get(alg)
      if (!signer) throw new Error(`there is no ${alg} signing key`)
      return signer
    },
  }
}

function publishedKey(lives: readonly KeyLife[], life: KeyLife, jwk: JWK, now: number): PublishedKey {
  const { kid, alg, createdAt, signsFrom } = life
  const signs = signingKey(lives, alg, now)?.kid === kid
  const goes = removableAt(lives, life)
  return {
    ...{ kid, alg, createdAt, signsFrom, publicJwk: publicMembers(jwk) },
    status: signs ? 'signing' : signsFrom.getTime() > now ? 'published' : 'retiring',
    removedFrom: goes === undefined ? undefined : new Date(goes),
  }
}

function signerOf(alg: Alg, keys: readonly JWK[]): Signer | undefined {
  const jwk = keys.find((key) => key.alg === alg)
  if (!jwk?.kid) return undefined
  return { kid: jwk.kid, alg, privateKey: createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }) }
}
