export { type AuditStore, createAudit } from './audit.ts'
export { AUDIT_ACTIONS, type Audit, type AuditAction, type AuditEvent } from './event.ts'
