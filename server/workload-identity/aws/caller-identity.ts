import { z } from 'zod'
import type { Claims } from '../model.ts'

/** Who AWS says that signed. */
export interface CallerIdentity {
  readonly account: string
  readonly arn: string
  readonly userId: string
}

const identity = z.object({
  Account: z.string().regex(/^\d{12}$/),
  Arn: z.string().max(2048),
  UserId: z.string().regex(/^[\w:+=,.@-]{1,256}$/),
})
/**
 * CVE-2020-16250: the answer is read in the one form that we asked for, from the one place where this action puts it.
 * A lenient reader found an identity in the text of another action's answer.
 */
const answer = z.strictObject({
  GetCallerIdentityResponse: z.strictObject({
    GetCallerIdentityResult: identity,
    ResponseMetadata: z.object({ RequestId: z.string() }),
  }),
})

const ARN =
  /^arn:(aws|aws-us-gov|aws-cn):(iam|sts)::(\d{12}):(root|(?:assumed-role|federated-user|user)\/[\w+=,.@/-]+)$/
const SESSION = /^assumed-role\/([\w+=,.@-]+)\/[\w+=,.@-]+$/

/** Undefined: the answer is of another action, or names somebody in a way that we don't know. */
export function parseCallerIdentity(value: unknown): CallerIdentity | undefined {
  const parsed = answer.safeParse(value)
  if (!parsed.success) return undefined
  const { Account: account, Arn: arn, UserId: userId } = parsed.data.GetCallerIdentityResponse.GetCallerIdentityResult
  return ARN.exec(arn)?.[3] === account ? { account, arn, userId } : undefined
}

/** A session goes by its role, whose path AWS does not tell here: names of roles are unique without it. */
export function principalOf({ account, arn }: CallerIdentity): string {
  const [, partition, , , resource = ''] = ARN.exec(arn) ?? []
  const [, role] = SESSION.exec(resource) ?? []
  return role === undefined ? arn : `arn:${partition}:iam::${account}:role/${role}`
}

/** As claims of a token, so that bindings speak of both kinds alike. */
export const claimsOf = (issuer: string, caller: CallerIdentity): Claims => ({
  iss: issuer,
  sub: principalOf(caller),
  account: caller.account,
  arn: caller.arn,
  user_id: caller.userId,
  'https://sts.amazonaws.com/': { aws_account: caller.account },
})
