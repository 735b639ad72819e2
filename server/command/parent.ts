/**
 * Calls `stop` once when the process that started this one over an ipc channel (the launcher, or a cluster's primary) is
 * gone, even by kill -9. Without a channel it does nothing. The channel alone doesn't keep this process alive.
 */
export function stopWhenParentDies(stop: () => void): void {
  if (!process.send) return
  if (process.connected) process.once('disconnect', stop)
  // It died while this one was still loading: the event has been and gone.
  else queueMicrotask(stop)
  process.channel?.unref()
}
