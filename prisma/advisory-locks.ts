/** PostgreSQL's advisory locks are numbers that everyone shares: all of ours, so that no two jobs take the same. */
export const ADVISORY_LOCK = {
  migration: 7_205_759_403,
  signingKeys: 7_205_759_404,
  bootstrap: 7_205_759_405,
  auditDrain: { live: 7_205_759_406, test: 7_205_759_407 },
  rebuiltIndexes: 7_205_759_408,
} as const
