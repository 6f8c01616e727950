/** The ISO time, in UTC, of milliseconds since 1970: as times stand in rows and answers. */
export const iso = (ms: number): string => new Date(ms).toISOString()
