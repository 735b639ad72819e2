import { LRUCache } from 'lru-cache'
import type { Client } from '../credentials/client.ts'
import type { Mode } from '../mode/mode.ts'
import type { Database } from '../storage/database.ts'
import type { WorkloadBinding } from './model.ts'
import { bindingOf } from './records.ts'

export interface Bindings {
  /** All that lead to a service user, disabled ones too, the oldest first. */
  of(client: Pick<Client, 'id' | 'ref' | 'version' | 'tenantId'>): Promise<readonly WorkloadBinding[]>
}

interface Needs {
  mode: Mode
  database: Pick<Database, 'workloadBinding' | 'standing'>
  /** For how many service users copies are kept. */
  capacity?: number
}

const OLDEST_FIRST = [{ createdAt: 'asc' as const }, { id: 'asc' as const }]

/**
 * Copies of bindings and their providers, each worth what the version of its service user is worth: every change of one
 * moves that, and whoever asks has compared it with the standing.
 */
export function createBindings({ mode, database, capacity = 10_000 }: Needs): Bindings {
  const copies = new LRUCache<string, { version: number; bindings: readonly WorkloadBinding[] }>({ max: capacity })

  /** Epochs before rows: of a binding that is ended in between, the copy mints nothing that lives. */
  async function load(serviceUserId: string, tenantId: string): Promise<readonly WorkloadBinding[]> {
    const where = { tenantId, mode, serviceUserId }
    const refs = await database.workloadBinding.findMany({ where, select: { ref: true } })
    const standings = await database.standing.findMany({ where: { ref: { in: refs.map(({ ref }) => ref) }, mode } })
    const epochs = new Map(standings.map(({ ref, epoch }) => [ref, epoch]))
    const rows = await database.workloadBinding.findMany({ where, include: { provider: true }, orderBy: OLDEST_FIRST })
    return rows.flatMap((row) => {
      const epoch = epochs.get(row.ref)
      return epoch === undefined ? [] : [bindingOf(row, epoch)]
    })
  }

  return {
    async of({ id, ref, version, tenantId }) {
      const copy = copies.get(ref)
      if (copy && copy.version >= version) return copy.bindings
      const bindings = await load(id, tenantId)
      copies.set(ref, { version, bindings })
      return bindings
    },
  }
}
