import { readdir } from 'node:fs/promises'
import { loadMasterKeys, type MasterKeys } from '../../credentials/master-key.ts'
import type { Settings } from '../../settings.ts'
import { type Finding, fail, ok, reasonOf } from './finding.ts'

type KeySettings = Pick<Settings, 'masterKeys' | 'databaseUrl' | 'dataDir'>

/** The master keys, if there are any yet: none is made. */
export async function checkMasterKey(
  settings: KeySettings,
): Promise<{ masterKeys: MasterKeys | undefined; findings: Finding[] }> {
  const topic = 'master key'
  const files = await readdir(settings.dataDir).catch((): string[] => [])
  if (!settings.masterKeys.length && !files.includes('master.key')) {
    const seen = `${settings.dataDir} has a database but no master.key`
    const advice =
      'restore master.key from a backup, or set KC_MASTER_KEY: without it no stored credential is recognised'
    const finding = files.includes('pgdata')
      ? fail(topic, seen, advice)
      : ok(topic, 'none yet: the first start makes it')
    return { masterKeys: undefined, findings: [finding] }
  }
  try {
    const masterKeys = await loadMasterKeys(settings)
    const source = settings.masterKeys.length ? 'KC_MASTER_KEY' : 'master.key in the data directory'
    const others = masterKeys.all.length - 1
    const seen = `from ${source}, current ${masterKeys.current.id}${others ? `, and ${others} that still open` : ''}`
    return { masterKeys, findings: [ok(topic, seen)] }
  } catch (error) {
    return { masterKeys: undefined, findings: [fail(topic, reasonOf(error), 'restore it from a backup')] }
  }
}

/** What is in the database under each master key's id. */
export interface KeyUse {
  readonly signingKeys: readonly string[]
  readonly webhooks: readonly string[]
  readonly secrets: readonly string[]
}

/** Whether the keys at hand open and recognise what is stored. */
export function judgeKeyUse({ all }: MasterKeys, { signingKeys, webhooks, secrets }: KeyUse): Finding[] {
  const topic = 'master key'
  const missing = (used: readonly string[]) => used.filter((id) => !all.some((key) => key.id === id))
  const findings: Finding[] = []
  const sealed = missing(signingKeys)
  if (sealed.length) {
    const seen = `signing keys are sealed under ${sealed.join(', ')}, which is not configured`
    findings.push(
      fail(topic, seen, 'add that key to KC_MASTER_KEY, after a comma: the server does not start without it'),
    )
  }
  const unsigned = missing(webhooks)
  if (unsigned.length) {
    const seen = `webhooks' secrets are sealed under ${unsigned.join(', ')}, which is not configured: nothing is sent`
    findings.push(
      fail(topic, seen, 'add that key to KC_MASTER_KEY, after a comma, for an hour with the server running'),
    )
  }
  const hashed = missing(secrets)
  if (hashed.length) {
    const seen = `credentials are hashed under ${hashed.join(', ')}, which is not configured: they are refused`
    findings.push(fail(topic, seen, 'add that key to KC_MASTER_KEY, after a comma, until they have been rotated'))
  }
  return findings.length ? findings : [ok(topic, 'opens all that is sealed and recognises all that is hashed')]
}
