import { scrub } from '../telemetry/scrub.ts'
import { print, type Run } from './command.ts'
import { checkDataDirectory } from './doctor/data-directory.ts'
import type { Finding } from './doctor/finding.ts'
import { checkIssuers } from './doctor/issuers.ts'
import { checkMasterKey } from './doctor/master-key.ts'
import { checkPorts } from './doctor/ports.ts'
import { checkRedis } from './doctor/redis.ts'
import { checkProxy, checkSettings } from './doctor/settings.ts'
import { checkDatabase } from './doctor/stores.ts'

export const doctor: Run = async ({ options, environment }) => {
  const findings = await diagnose(environment)
  if (options.json) print(scrub(JSON.stringify(findings, null, 2)))
  else for (const finding of findings) print(scrub(lineOf(finding)))
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0
}

/** In the order in which things depend on each other. It looks and changes nothing, but for a probe's key in Redis. */
export async function diagnose(environment: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  const { settings, findings } = checkSettings(environment)
  if (!settings) return findings
  const { masterKeys, findings: aboutKeys } = await checkMasterKey(settings)
  // Before the embedded database is opened, which closes its directory to others, as each start does.
  const aboutDirectory = await checkDataDirectory(settings)
  const rest = await Promise.all([
    checkDatabase(settings, masterKeys),
    settings.redisUrl ? checkRedis(settings.redisUrl) : [],
    checkIssuers(settings),
  ])
  // Not while the issuers are asked: trying whether a port is free takes it for a moment.
  const aboutPorts = await checkPorts(settings)
  return [...findings, ...aboutKeys, ...aboutDirectory, ...rest.flat(), ...aboutPorts, ...checkProxy(settings)]
}

const lineOf = ({ verdict, topic, seen, advice }: Finding): string =>
  `${verdict.padEnd(4)}  ${topic.padEnd(14)}  ${seen}${advice ? ` → ${advice}` : ''}`
