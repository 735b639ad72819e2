import { presentedJwt } from '../../workload-identity/presented-subject.ts'
import { fail } from '../oauth-error.ts'
import type { WorkloadDoor } from '../workload-door.ts'
import type { Grant } from './grant.ts'

/** RFC 7523 §2.1: a platform's token as an authorization grant. §3.1: one that isn't acceptable is `invalid_grant`. */
export const createJwtBearerGrant =
  ({ workloadDoor }: { workloadDoor: WorkloadDoor }): Grant =>
  async (known, request) => {
    const { assertion } = request.params
    if (!assertion) return fail('invalid_request', 'assertion is missing')
    // RFC 8693 alone has `audience`; here it means nothing, and what means nothing is ignored (RFC 6749 §3.2).
    return workloadDoor(known, presentedJwt(assertion), { ...request, audience: [] }, 'invalid_grant')
  }
