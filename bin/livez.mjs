// The container's health check: exits 0 if this machine's server answers /livez. Runs on the image's Node, beside the server.
import { get } from 'node:http'
import { readSettings } from '../server/settings.ts'

const { liveUrl, port, host } = readSettings(process.env)
const everywhere = !host || ['0.0.0.0', '::', 'localhost'].includes(host)

// Not fetch, which sends no Host but the address's: the host chooses the mode where both share a port.
const request = get(
  {
    host: everywhere ? '127.0.0.1' : host,
    port: port || liveUrl.port || (liveUrl.protocol === 'https:' ? 443 : 80),
    path: '/livez',
    headers: { host: liveUrl.host },
    timeout: 2_000,
  },
  (response) => process.exit(response.statusCode === 200 ? 0 : 1),
)
request.on('timeout', () => process.exit(1))
request.on('error', () => process.exit(1))
