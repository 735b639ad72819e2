import { PLATFORMS } from '../../workload-identity/model.ts'
import { presetOf } from '../../workload-identity/presets/index.ts'
import { operation } from '../operation.ts'
import { viewOfPreset } from './view.ts'

/** What is known of each platform, in words: for whoever sets up a provider, and for what shows it to them. */
export const listPlatforms = operation({
  method: 'GET',
  path: '/v1/workload-platforms',
  requires: 'workload-providers:read',
  status: 200,
  async handle() {
    return { data: PLATFORMS.map((platform) => viewOfPreset(presetOf(platform))), next_cursor: null }
  },
})
