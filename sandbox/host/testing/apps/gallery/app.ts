/** Fixture: small orchestrations and HTTP functions, one for each behaviour under test. */
import './entities.ts'
import './http.ts'
import './orchestrations.ts'
import './triggers.ts'
