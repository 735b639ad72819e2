import type { Command } from '../command.ts'

const NAME = ['NAME'] as const

/** What an operator does to tenants. */
export const TENANT_COMMANDS: Readonly<Record<string, Command>> = {
  'tenants list': {
    usage: 'tenants list',
    meaning: 'show every tenant: plan, status, security',
    load: async () => (await import('./list.ts')).listTenants,
  },
  'tenants create': {
    usage: 'tenants create --name N --owner EMAIL [--plan standard] [--out FILE]',
    meaning: 'make a tenant with an invited owner and a key in each mode, shown once',
    options: { name: { type: 'string' }, owner: { type: 'string' }, plan: { type: 'string' }, out: { type: 'string' } },
    load: async () => (await import('./create.ts')).create,
  },
  'tenants pause': {
    usage: 'tenants pause NAME',
    meaning: 'refuse everything of a tenant until it is resumed; nothing is lost',
    operands: NAME,
    load: async () => (await import('./change.ts')).pauseTenant,
  },
  'tenants resume': {
    usage: 'tenants resume NAME',
    meaning: 'bring back all of a paused or cancelled tenant',
    operands: NAME,
    load: async () => (await import('./change.ts')).resumeTenant,
  },
  'tenants cancel': {
    usage: 'tenants cancel NAME',
    meaning: 'as pause, and the tenant is told that it is cancelled',
    operands: NAME,
    load: async () => (await import('./change.ts')).cancelTenant,
  },
  'tenants plan': {
    usage: 'tenants plan NAME PLAN',
    meaning: 'change the plan: standard or enterprise',
    operands: ['NAME', 'PLAN'],
    load: async () => (await import('./change.ts')).changePlan,
  },
  'tenants security': {
    usage:
      'tenants security NAME [--require-dpop on] [--allowed-networks CIDR,CIDR|none] [--max-token-validity SECONDS|none]',
    meaning: 'demand more of a tenant than it does itself',
    operands: NAME,
    options: {
      'require-dpop': { type: 'string' },
      'allowed-networks': { type: 'string' },
      'max-token-validity': { type: 'string' },
    },
    load: async () => (await import('./security.ts')).changeSecurity,
  },
}
