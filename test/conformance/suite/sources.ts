/** Where the rules of the suite come from; docs/conformance.md names the versions. */
export const OBSERVED = 'observed on a real host'
export const EXTENSION = 'Durable extension'
export const FRAMEWORK = 'DurableTask.Core'
export const SDK = 'durable-functions (npm)'
export const LIBRARY = '@azure/functions (npm)'
export const WORKER = 'Node worker'
