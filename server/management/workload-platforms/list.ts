import { PLATFORMS } from '../../workload-identity/model.ts'
import { presetOf } from '../../workload-identity/presets/index.ts'
import { operation } from '../operation.ts'
import { listAnswer } from '../page.ts'
import { platformAnswer, viewOfPreset } from './view.ts'

/** What is known of each platform, in words: for whoever sets up a provider, and for what shows it to them. */
export const listPlatforms = operation({
  summary: 'List the workload platforms that are known',
  explanation: 'What each is trusted to say, and what a binding must pin.',
  method: 'GET',
  path: '/v1/workload-platforms',
  requires: 'workload-providers:read',
  status: 200,
  answer: listAnswer(platformAnswer),
  async handle() {
    return { data: PLATFORMS.map((platform) => viewOfPreset(presetOf(platform))), next_cursor: null }
  },
})
