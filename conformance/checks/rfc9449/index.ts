import { proofChecks } from './proof.ts'
import { resourceChecks } from './resource.ts'
import { boundTokenChecks } from './tokens.ts'

export const rfc9449 = [...proofChecks, ...boundTokenChecks, ...resourceChecks]
