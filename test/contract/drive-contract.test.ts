import { driveScene } from './workload/drive-scene.ts'
import { workloadContract } from './workload/suite.ts'

workloadContract('drive', driveScene)
