import { dispatch } from './dispatch.ts'

// `keycourt config | head` closes the pipe early: no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await dispatch(process.argv.slice(2), process.env)
