/**
 * The bytes of files, apart from the files: versions and copies share them.
 *
 * Invariants: a content is written once and never changed; its hashes are those of its bytes.
 * It is a row of pieces: bytes of its own, or a stretch of a generated file, which takes no room.
 * A copy of a generated file that is written piece by piece is recognised by its beginning, and
 * each piece that is equal is kept as a stretch: 5 GB that come back cost nothing.
 */
import { createHash, hash } from 'node:crypto'
import {
  digestOfGenerated,
  generatedPieces,
  generatedStretch,
  readDescription,
  type Stretch,
} from '../content/generated-bytes.ts'
import { QuickXorHash, quickXorHash } from '../content/quick-xor.ts'
import type { Content, GeneratedContent } from '../drive-model.ts'
import type { Database } from './database.ts'
import { toContent } from './drive-rows.ts'
import { integer, optionalJson } from './rows.ts'

/** Bytes of one's own are kept in rows of at most so many. */
const PIECE_BYTES_MAX = 1_048_576

/** A content that is being written: `append` in order, then `finish`. */
export interface ContentWriter {
  readonly written: number
  append(bytes: Uint8Array): void
  /** The content; it can be read from now on. */
  finish(): Content
  /** Takes back what was written. */
  discard(): void
}

interface Piece {
  readonly start: number
  readonly size: number
  readonly recipe: GeneratedContent | null
}

export class ContentStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  byPk(pk: number): Content {
    const row = this.#db.get('SELECT * FROM contents WHERE pk = ?', pk)
    if (!row) throw new Error(`there is no content ${pk}`)
    return toContent(row)
  }

  fromBytes(bytes: Uint8Array): Content {
    return this.#db.transaction(() => {
      const sha256 = hash('sha256', bytes, 'hex')
      const pk = this.#insert({ size: bytes.length, sha256, quickXorHash: quickXorHash(bytes) })
      for (let start = 0; start < bytes.length; start += PIECE_BYTES_MAX) {
        this.#addPiece(pk, start, bytes.subarray(start, start + PIECE_BYTES_MAX), null)
      }
      return this.byPk(pk)
    })
  }

  /** Reads all of it once for its hashes: a second for some hundreds of megabytes. */
  generated(recipe: GeneratedContent): Content {
    return this.#db.transaction(() => {
      const pk = this.#insert({ size: recipe.size, ...digestOfGenerated(recipe) })
      if (recipe.size > 0) this.#addStretch(pk, 0, recipe.size, recipe)
      return this.byPk(pk)
    })
  }

  /** Outlives no restart before it is finished, as an upload session does not. */
  writer(): ContentWriter {
    const pk = this.#insert({ size: 0, sha256: '', quickXorHash: '' })
    const sha256 = createHash('sha256')
    const quickXor = new QuickXorHash()
    let written = 0
    let recipe: GeneratedContent | null = null
    return {
      get written() {
        return written
      },
      append: (bytes) => {
        if (written === 0) recipe = readDescription(bytes)
        sha256.update(bytes)
        quickXor.update(bytes)
        this.#db.transaction(() => {
          for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
            this.#addPiece(pk, written + at, bytes.subarray(at, at + PIECE_BYTES_MAX), recipe)
          }
        })
        written += bytes.length
      },
      finish: () => {
        this.#db.run(
          'UPDATE contents SET size = ?, sha256 = ?, quick_xor = ? WHERE pk = ?',
          written,
          sha256.digest('hex'),
          quickXor.digest(),
          pk,
        )
        return this.byPk(pk)
      },
      discard: () => {
        this.#db.transaction(() => {
          this.#db.run('DELETE FROM content_pieces WHERE content = ?', pk)
          this.#db.run('DELETE FROM contents WHERE pk = ?', pk)
        })
      },
    }
  }

  /** The bytes of a stretch, in pieces of at most 1 MiB, as somebody asks for them. */
  *read(content: Content, { from, to }: Stretch): Generator<Uint8Array> {
    const end = Math.min(to, content.size)
    for (let at = from; at < end; ) {
      const piece = this.#pieceAt(content.pk, at)
      const stretch = { from: at, to: Math.min(piece.start + piece.size, end) }
      if (piece.recipe) yield* generatedPieces(piece.recipe, stretch)
      else
        yield this.#bytes(content.pk, piece.start).subarray(
          at - piece.start,
          stretch.to - piece.start,
        )
      at = stretch.to
    }
  }

  /** All of it in memory: for small files. */
  bytes(content: Content): Buffer {
    return Buffer.concat([...this.read(content, { from: 0, to: content.size })])
  }

  #insert({ size, sha256, quickXorHash: xor }: Omit<Content, 'pk'>): number {
    return this.#db.run(
      'INSERT INTO contents(size, sha256, quick_xor) VALUES(?, ?, ?)',
      size,
      sha256,
      xor,
    )
  }

  #addPiece(
    content: number,
    start: number,
    bytes: Uint8Array,
    recipe: GeneratedContent | null,
  ): void {
    const stretch = { from: start, to: start + bytes.length }
    if (recipe && generatedStretch(recipe, stretch).equals(bytes)) {
      this.#addStretch(content, start, bytes.length, recipe)
      return
    }
    this.#db.run(
      'INSERT INTO content_pieces(content, start, size, bytes) VALUES(?, ?, ?, ?)',
      content,
      start,
      bytes.length,
      bytes,
    )
  }

  #addStretch(content: number, start: number, size: number, recipe: GeneratedContent): void {
    this.#db.run(
      'INSERT INTO content_pieces(content, start, size, recipe) VALUES(?, ?, ?, ?)',
      content,
      start,
      size,
      JSON.stringify(recipe),
    )
  }

  #pieceAt(content: number, at: number): Piece {
    const row = this.#db.get(
      `SELECT start, size, recipe FROM content_pieces WHERE content = ? AND start <= ?
       ORDER BY start DESC LIMIT 1`,
      content,
      at,
    )
    if (!row) throw new Error('a piece of a content is missing')
    return {
      start: integer(row, 'start'),
      size: integer(row, 'size'),
      recipe: optionalJson(row, 'recipe'),
    }
  }

  #bytes(content: number, start: number): Uint8Array {
    const sql = 'SELECT bytes FROM content_pieces WHERE content = ? AND start = ?'
    const bytes = this.#db.get(sql, content, start)?.['bytes']
    if (!(bytes instanceof Uint8Array)) throw new Error('a piece of a content has no bytes')
    return bytes
  }
}
