/** Which resources are protected, and where that is written down. */
export { DEFAULT_POLICY, excludes, type Policy, policySchema, protects } from './policy.ts'
export { createPolicyStore, type PolicyStore, type StoredPolicy } from './store.ts'
