/** Fixture: small orchestrations and HTTP functions, one for each behaviour under test. */
import './http.ts'
import './orchestrations.ts'
import './triggers.ts'
