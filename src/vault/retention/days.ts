/** The windows of retention (DESIGN 2): R and G. */
export const DAY_MS = 24 * 3600 * 1000

export interface Windows {
  /** R: what is needed is locked for at least so many more days. */
  protectionDays: number
  /** G: locks are extended in steps of so many. */
  generationDays: number
}

/** For how long storage locks each new blob, in ms: R + G. */
export const lockMs = ({ protectionDays, generationDays }: Windows): number =>
  (protectionDays + generationDays) * DAY_MS
