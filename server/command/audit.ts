import { createChain } from '../audit/chain.ts'
import { createDrain } from '../audit/drain.ts'
import { type Point, type Verdict, verifyChain } from '../audit/verify.ts'
import { MODES, type Mode } from '../mode/mode.ts'
import { readSettings } from '../settings.ts'
import { type CommandCall, Misuse, print, type Run } from './command.ts'
import { type OpenFoundation, withFoundation } from './foundation.ts'

interface Wanted {
  readonly tenant: string | undefined
  readonly modes: readonly Mode[]
  readonly expected: Point | undefined
  readonly allowUnkeyed: boolean
}

/** Says of every chain whether it holds. Exit code 1 if one doesn't. */
export const verifyAudit: Run = async (call) => {
  const wanted = wantedOf(call)
  return withFoundation(readSettings(call.environment), async (foundation) => {
    const { storage, masterKeys, clock, log } = foundation
    await storage.migrate()
    const chain = createChain(masterKeys)
    for (const mode of wanted.modes) {
      await createDrain({ mode, clock, database: storage.database, state: storage.state[mode], chain, log }).all()
    }
    let isWhole = true
    for (const { id, name } of await tenantsOf(foundation, wanted.tenant)) {
      for (const mode of wanted.modes) {
        const verdict = await verifyChain({ database: storage.database, chain }, { tenantId: id, mode }, wanted)
        print(`${name} ${mode}: ${inWords(verdict)}`)
        if (verdict.wrong) isWhole = false
      }
    }
    print('That the newest entries were not cut off together with the head only a noted head tells: --expect SEQ:HASH.')
    return isWhole ? 0 : 1
  })
}

async function tenantsOf({ storage }: OpenFoundation, name: string | undefined) {
  const tenants = await storage.database.tenant.findMany({
    where: name === undefined ? {} : { name },
    select: { id: true, name: true },
    orderBy: { name: 'asc' },
  })
  if (tenants.length || name === undefined) return tenants
  throw new Error(`There is no tenant "${name}"; \`keycourt tenants list\` shows those that there are.`)
}

function inWords({ entries, unkeyed, first, last, removed, wrong }: Verdict): string {
  const span = first && last ? `, ${first.seq} to ${last.seq}, head ${last.seq}:${last.hash}` : ''
  const notes = [
    ...(removed ? [`${removed} before them were removed by retention`] : []),
    ...(unkeyed ? [`${unkeyed} of them without a key`] : []),
  ]
  if (!wrong) return `ok, ${[`${entries} entries${span}`, ...notes].join('; ')}`
  const held = last ? `; up to ${last.seq} it holds` : ''
  return `WRONG at entry ${wrong.seq}: ${wrong.why}${held}`
}

const POINT = /^(\d{1,10}):([0-9a-f]{64})$/

/** @throws {Misuse} */
function wantedOf({ options }: CommandCall): Wanted {
  const { tenant, mode, expect } = options as Record<string, string | undefined>
  const one = MODES.find((each) => each === mode)
  if (mode !== undefined && !one) throw new Misuse(`--mode is "${mode}"; it wants one of ${MODES.join(', ')}`)
  const modes = one ? [one] : MODES
  const allowUnkeyed = options['allow-unkeyed'] === true
  if (expect === undefined) return { tenant, modes, expected: undefined, allowUnkeyed }
  const [, seq, hash = ''] = POINT.exec(expect) ?? []
  if (seq === undefined) throw new Misuse('--expect wants SEQ:HASH, as this command prints the head')
  if (tenant === undefined || !one) throw new Misuse('--expect is of one chain: name it by --tenant and --mode')
  return { tenant, modes, expected: { seq: Number(seq), hash }, allowUnkeyed }
}
