/**
 * What a story is about: something of the tenant that the product backs up, and the plain model of
 * it. Play, points, past and rebuilds know it by these interfaces alone, so that mail and files
 * share them.
 */
import type fc from 'fast-check'
import type { InProcessTenant } from '../../../sandbox/tenant/index.ts'
import type { Graph } from '../../../src/graph/index.ts'
import type { PutEvent } from '../../../src/model/events.ts'
import type { GraphId, ResourceKind, WorkloadName } from '../../../src/model/ids.ts'
import type { Clock } from '../../../src/ports.ts'
import type { ContentReader } from '../../../src/vault/types.ts'
import type { Workload } from '../../../src/workloads/workload.ts'
import type { Notes } from './notes.ts'
import type { Plant } from './plants.ts'
import type { PointState } from './points.ts'
import type { Story } from './story.ts'
import type { Checkpoint } from './verdict.ts'

/** A step of one kind of source: what people do there, or what the service does to us. */
export interface Doing {
  readonly step: string
}

/** What a source is made in. */
export interface Service {
  readonly tenant: InProcessTenant
  /** Ms since 1970. */
  readonly now: () => number
  readonly notes: Notes
}

/** What the product's workload is made of. */
export interface Reading {
  readonly graph: Graph
  readonly clock: Clock
  readonly tenant: string
  readonly pageSize: number
}

export interface Source<D extends Doing> {
  readonly workload: WorkloadName
  readonly resource: ResourceKind
  readonly graphId: GraphId
  /** The product's own workload. */
  reading(from: Reading): Workload
  /** Numbers choose among what is there; what is not possible now does nothing. */
  happen(what: D): Promise<void>
  /** All trouble of the service ends. */
  repair(): Promise<void>
  /** Is told of each answer of the service; must leave its body to the one who asked. */
  answered?(request: Request, response: Response): Promise<void>
  /** Everything that is wrong at this point; empty where all is as it must be. */
  faultsOf(point: Checkpoint, reader: ContentReader): Promise<string[]>
  /** What is held is what is there, and the model itself is what the tenant says. Throws. */
  isHeld(state: PointState, reader: ContentReader): Promise<void>
  /** Opens a version as a restore would, and looks at every byte. Throws. */
  checkVersion(event: PutEvent, reader: ContentReader): Promise<void>
}

/** One kind of source, and what the stories about it are made of. */
export interface Kind<D extends Doing> {
  /** What people do. */
  readonly happening: fc.Arbitrary<D>
  /** What the service does. */
  readonly trouble: fc.Arbitrary<D>
  /** What people do in a slice more often than at other times; absent: nothing. */
  readonly amid?: fc.Arbitrary<D>
  open(service: Service): Promise<Source<D>>
  /** Bugs that must be met, by what they are. */
  readonly plants: Readonly<Record<string, Plant>>
  /** What must have happened in many stories, or they prove little. */
  readonly met: readonly string[]
  /** Stories that once failed, as short as they could be made, and what was wrong. */
  readonly found: readonly { readonly wrong: string; readonly story: Story<D> }[]
}
