import { StoreUnavailable } from '../state-store.ts'

/** What a command that was refused, or not answered in time (connection.ts), comes to. */
export function unanswered(error: unknown): StoreUnavailable {
  // ioredis hangs the command with its arguments on the error: no business of whoever logs it.
  if (error instanceof Error && 'command' in error) delete error.command
  return new StoreUnavailable('redis', error)
}

/** @throws {StoreUnavailable} */
export const answered = <T>(reply: Promise<T>): Promise<T> =>
  reply.catch((error) => {
    throw unanswered(error)
  })
