export const MODES = ['live', 'test'] as const
export type Mode = (typeof MODES)[number]

export const otherMode = (mode: Mode): Mode => (mode === 'live' ? 'test' : 'live')
