import { rm } from 'node:fs/promises'
import { z } from 'zod'
import { createAppend } from '../../audit/append.ts'
import { createChain } from '../../audit/chain.ts'
import { systemClock } from '../../clock.ts'
import { createDigests } from '../../credentials/digest.ts'
import { newRecordId } from '../../credentials/format.ts'
import { name as tenantName } from '../../management/fields.ts'
import { linkOf } from '../../management/invitations/view.ts'
import { readSettings, type Settings } from '../../settings.ts'
import { type Database, isUniqueViolation } from '../../storage/database.ts'
import { createInvitedTenant, type InvitedTenant } from '../../tenancy/invited-tenant.ts'
import type { Plan } from '../../tenancy/tenant.ts'
import { type CommandCall, Misuse, print, type Run } from '../command.ts'
import { withFoundation } from '../foundation.ts'
import { keepOnce } from './keep-once.ts'
import { operator } from './operator.ts'
import { planOf } from './plan.ts'

const KEY = { name: 'First key', description: 'Made with the tenant' }

/** What is secret in the answer is on a terminal of the operator's, or in a file of theirs, this once. */
export const create: Run = async (call) => {
  const { name, owner, plan, file } = wanted(call)
  const settings = readSettings(call.environment)
  return withFoundation(settings, async ({ storage, masterKeys }) => {
    await storage.migrate()
    const { database } = storage
    await refuseTaken(database, name)
    const needs = {
      ...{
        database,
        digests: createDigests(masterKeys),
        append: createAppend(createChain(masterKeys)),
        clock: systemClock,
      },
      async keep(made: InvitedTenant) {
        if (file === undefined) return
        await keepOnce(file, shown(made))
        kept = file
      },
    }
    let kept: string | undefined
    const shown = (made: InvitedTenant) => asShown({ tenant: name, owner }, made, settings)
    const tenant = { id: newRecordId('ten'), name, plan, origin: { actor: operator() }, key: KEY }
    const made = await createInvitedTenant(needs, owner, tenant).catch(async (error) => {
      // What it holds came to nothing.
      if (kept !== undefined) await rm(kept, { force: true })
      throw isUniqueViolation(error) ? taken(name) : error
    })
    if (file === undefined) announce(shown(made))
    else print(`${name} is made. The owner's link and the first keys are in ${file}; they are shown nowhere else.`)
    return 0
  })
}

/** @throws {Error} a sentence, before anything is made */
async function refuseTaken({ tenant }: Database, name: string): Promise<void> {
  if (await tenant.findUnique({ where: { name }, select: { id: true } })) throw taken(name)
}

const taken = (name: string) => new Error(`There is a tenant "${name}" already.`)

interface Wanted {
  readonly name: string
  readonly owner: string
  readonly plan: Plan
  readonly file: string | undefined
}

/** @throws {Misuse} */
function wanted({ options }: CommandCall): Wanted {
  const name = tenantName.safeParse(options.name ?? '')
  if (!name.success) throw new Misuse(`--name wants ${name.error.issues[0]?.message}`)
  const owner = z.email().max(254).safeParse(options.owner)
  if (!owner.success) throw new Misuse('--owner wants an email address')
  const plan = planOf((options.plan as string | undefined) ?? 'standard', '--plan')
  return { name: name.data, owner: owner.data, plan, file: options.out as string | undefined }
}

type Shown = ReturnType<typeof asShown>

const asShown = (
  { tenant, owner }: { readonly tenant: string; readonly owner: string },
  { keys, linkToken }: InvitedTenant,
  { liveUrl, sandboxUrl }: Pick<Settings, 'liveUrl' | 'sandboxUrl'>,
) => ({
  tenant,
  owner: { email: owner, link: linkOf(liveUrl.origin, linkToken) },
  live: { url: liveUrl.origin, ...keys.live },
  test: { url: sandboxUrl.origin, ...keys.test },
})

function announce({ tenant, owner, live, test }: Shown): void {
  print(`Tenant    ${tenant}`)
  print(`Owner     ${owner.email} joins by ${owner.link}`)
  print(`Live key  ${live.api_key}`)
  print(`Test key  ${test.api_key}`)
  print('These are shown once. The link is good for seven days.')
}
