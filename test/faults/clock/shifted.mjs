// Preloaded into a server (NODE_OPTIONS=--import=…): its clock is off by what the file named in FAULT_CLOCK says, in milliseconds, from each SIGUSR2 on.
// Its timers go on as they did, as they do when a machine's clock is set.
import { readFileSync } from 'node:fs'

const RealDate = Date
let off = 0

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length) super(...given)
    else super(RealDate.now() + off)
  }

  static now() {
    return RealDate.now() + off
  }
}

if (process.env.FAULT_CLOCK_NOW) off = Number(readFileSync(process.env.FAULT_CLOCK, 'utf8'))

process.on('SIGUSR2', () => {
  off = Number(readFileSync(process.env.FAULT_CLOCK, 'utf8'))
  console.log(`clock off by ${off} ms`)
})
