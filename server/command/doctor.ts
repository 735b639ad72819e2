import { type Command, print } from './command.ts'
export const doctor: Command = {
  usage: 'doctor',
  meaning: '',
  async run() {
    print('')
    return 0
  },
}
