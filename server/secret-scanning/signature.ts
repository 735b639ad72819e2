import { verify } from 'node:crypto'
import type { ScannerKeys } from './public-keys.ts'

/** As GitHub signs a report: ECDSA over P-256 with SHA-256, of the bytes of the body, DER in base64. */
export interface SignedReport {
  readonly body: string
  readonly keyIdentifier: string
  readonly signature: string
}

export type VerifyReport = (report: SignedReport) => Promise<'genuine' | 'forged' | 'unavailable'>

const BASE64 = /^[A-Za-z0-9+/]{80,120}={0,2}$/

export const createVerifyReport =
  (keys: ScannerKeys): VerifyReport =>
  async ({ body, keyIdentifier, signature }) => {
    if (!BASE64.test(signature)) return 'forged'
    const key = await keys.find(keyIdentifier)
    if (key === 'unavailable') return 'unavailable'
    if (!key) return 'forged'
    const isGenuine = verify('sha256', Buffer.from(body), { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'))
    return isGenuine ? 'genuine' : 'forged'
  }
