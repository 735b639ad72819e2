import type { Movement } from '../audit/change.ts'
import type { ScopedTransaction } from '../tenancy/scoped-database.ts'

/**
 * Whose standings a change of bindings moves: those of their service users, so that every node reads the bindings anew;
 * and, where what they have minted must die, their own.
 */
export async function movedWith(
  transaction: ScopedTransaction,
  where: { readonly id: string } | { readonly providerId: string },
  kill: boolean,
): Promise<readonly Movement[]> {
  const rows = await transaction.workloadBinding.findMany({
    where,
    select: { ref: true, serviceUser: { select: { ref: true } } },
  })
  const users = new Set(rows.map(({ serviceUser }) => serviceUser.ref))
  return [
    ...[...users].map((ref) => ({ ref, kill: false })),
    ...(kill ? rows.map(({ ref }) => ({ ref, kill: true })) : []),
  ]
}
