import { z } from 'zod'
import { createTeam } from '../../people/team.ts'
import { description, name } from '../fields.ts'
import { operation } from '../operation.ts'
import { members, nameTaken, refuseStrangers } from './fields.ts'
import { team, viewOfTeam } from './view.ts'

export const createTeamOperation = operation({
  summary: 'Create a team',
  explanation: 'Members and service users belong to teams. It gives them no power: it says where they belong.',
  method: 'POST',
  path: '/v1/teams',
  requires: 'teams:write',
  status: 201,
  body: z.strictObject({ name, description: description.nullish(), members: members.default([]) }),
  answer: team,
  async handle({ caller, body }, { scope, database, change, clock }) {
    const made = { ...body, description: body.description ?? null, createdBy: caller.actor.id }
    const row = await change(async (transaction) => {
      await refuseStrangers(transaction, body.members)
      return createTeam(transaction, scope, made, new Date(clock.now()))
    }).catch((error) => Promise.reject(nameTaken(error)))
    return viewOfTeam(database, row)
  },
})
