/**
 * rclone, held against the same simulated tenant and the same Azurite as Holdfast, for figures
 * that can be compared. It is looked for and never installed; nothing of the machine is touched.
 */

export { CopyFailed, type CopyResult, prepareCopy } from './copy.ts'
export { findRclone, type Rclone, RcloneBroken } from './find.ts'
export { type GraphProxy, startGraphProxy } from './graph-proxy.ts'
