/** All figures of a bench as one document, and as text. Pure but for the core count. */
import { availableParallelism } from 'node:os'
import pc from 'picocolors'
import { type FileFigures, filesExceed } from './files-figures.ts'
import { fileLines } from './files-text.ts'
import { type MailFigures, mailExceeds } from './mail-figures.ts'
import { mailLines } from './mail-text.ts'

export interface Parts {
  mail: MailFigures | undefined
  files: FileFigures | undefined
}

export interface Figures extends Parts {
  ok: boolean
  /** Limits that are exceeded, in sentences. */
  exceeded: string[]
  cores: number
}

export function figuresOf({ mail, files }: Parts): Figures {
  const exceeded = [...(mail ? mailExceeds(mail) : []), ...(files ? filesExceed(files) : [])]
  return { ok: exceeded.length === 0, exceeded, cores: availableParallelism(), mail, files }
}

export function figuresText({ mail, files, cores, exceeded }: Figures): string {
  return [
    ...(mail ? mailLines(mail) : []),
    ...(files ? fileLines(files) : []),
    `On ${cores} cores, shared by worker, host, tenant and Azurite.`,
    ...exceeded.map((sentence) => pc.red(`Exceeded: ${sentence}.`)),
  ].join('\n')
}
