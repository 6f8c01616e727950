import { mailScene } from './workload/mail-scene.ts'
import { workloadContract } from './workload/suite.ts'

workloadContract('mail', mailScene)
