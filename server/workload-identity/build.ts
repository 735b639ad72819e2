import type { Clock } from '../clock.ts'
import type { Mode } from '../mode/mode.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Database } from '../storage/database.ts'
import type { StateStore } from '../storage/state-store.ts'
import { AWS_STS, createAwsRequests } from './aws-request.ts'
import { createBindings } from './bindings.ts'
import { createWorkloadExchange, type WorkloadExchange } from './exchange.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { createSubjectTokens, type SubjectTokens } from './subject-token.ts'

export interface WorkloadIdentity {
  readonly exchange: WorkloadExchange
  /** Of a token in whichever form its provider's are. */
  readonly verify: SubjectTokens['verify']
}

interface Needs {
  mode: Mode
  issuer: string
  database: Database
  state: StateStore
  outbound: Outbound
  issuerKeys: IssuerKeys
  clock: Clock
}

/** The workload identity of one mode, put together. */
export function buildWorkloadIdentity(needs: Needs): WorkloadIdentity {
  const { mode, issuer, database, state, outbound, issuerKeys, clock } = needs
  const subjectTokens = {
    jwt: createSubjectTokens({ issuer, keys: issuerKeys, state, clock }),
    aws_request: createAwsRequests({ issuer, outbound, state, clock }),
  }
  const bindings = createBindings({ mode, database })
  return {
    exchange: createWorkloadExchange({ issuer, bindings, subjectTokens, clock }),
    verify: (token, provider) =>
      subjectTokens[provider.issuer === AWS_STS ? 'aws_request' : 'jwt'].verify(token, provider),
  }
}
