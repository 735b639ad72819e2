/**
 * A signing key's life, as pure functions of the keys of one mode and a time (milliseconds since the epoch):
 * published → signs → is followed by a successor → verifies what it signed → removed.
 */
export interface KeyLife {
  readonly kid: string
  readonly alg: string
  readonly createdAt: Date
  readonly signsFrom: Date
  readonly removedAt: Date | null
}

/** How long relying parties may keep the JWKS. */
export const JWKS_MAX_AGE_SECONDS = 300
/** For nodes that follow a few seconds late and clocks that disagree. */
export const FOLLOW_MARGIN_SECONDS = 60
/** No token or assertion that these keys sign lives longer. */
export const LONGEST_TOKEN_SECONDS = 24 * 60 * 60
/** Clock skew that relying parties allow after `exp`, and a node that went on signing for a moment. */
export const REMOVAL_MARGIN_SECONDS = 600

const DAY = 24 * 60 * 60 * 1000

/** Newest first. Total, so that every node chooses the same key. */
const newestFirst = (one: KeyLife, other: KeyLife): number =>
  other.signsFrom.getTime() - one.signsFrom.getTime() ||
  other.createdAt.getTime() - one.createdAt.getTime() ||
  (one.kid < other.kid ? -1 : 1)

const ofAlg = <K extends KeyLife>(keys: readonly K[], alg: string): K[] =>
  keys.filter((key) => key.alg === alg).sort(newestFirst)

/** Those that the JWKS lists, newest first: also the ones that don't sign yet and the ones that no longer do. */
export const publishedKeys = <K extends KeyLife>(keys: readonly K[], alg: string): K[] =>
  ofAlg(keys, alg).filter((key) => key.removedAt === null)

/** The newest whose time has come. Where none's has, this clock is behind that of the node which made them: the oldest. */
export function signingKey<K extends KeyLife>(keys: readonly K[], alg: string, now: number): K | undefined {
  const published = publishedKeys(keys, alg)
  return published.find((key) => key.signsFrom.getTime() <= now) ?? published.at(-1)
}

/** A key made now is published at once, and signs when every relying party has it. The very first signs at once. */
export const signsFromOf = (keys: readonly KeyLife[], alg: string, now: number): number =>
  publishedKeys(keys, alg).length ? now + (JWKS_MAX_AGE_SECONDS + FOLLOW_MARGIN_SECONDS) * 1000 : now

/** True while the newest key is published but doesn't sign yet: there is nothing to follow it with. */
export const hasSuccessorWaiting = (keys: readonly KeyLife[], alg: string, now: number): boolean => {
  const [newest] = publishedKeys(keys, alg)
  return newest !== undefined && newest.signsFrom.getTime() > now
}

/** @param rotationDays age at which a key gets a successor */
export function isSuccessorDue(keys: readonly KeyLife[], alg: string, now: number, rotationDays: number): boolean {
  const [newest] = publishedKeys(keys, alg)
  return newest === undefined || newest.createdAt.getTime() + rotationDays * DAY <= now
}

/** When the last token that it may have signed is gone; undefined while it has no successor. */
export function removableAt(keys: readonly KeyLife[], key: KeyLife): number | undefined {
  const line = ofAlg(keys, key.alg)
  const successor = line[line.findIndex(({ kid }) => kid === key.kid) - 1]
  return successor && successor.signsFrom.getTime() + (LONGEST_TOKEN_SECONDS + REMOVAL_MARGIN_SECONDS) * 1000
}

export const removableKeys = <K extends KeyLife>(keys: readonly K[], now: number): K[] =>
  keys.filter((key) => key.removedAt === null && (removableAt(keys, key) ?? Number.POSITIVE_INFINITY) <= now)
