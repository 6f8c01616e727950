/**
 * Preloaded into the Azurite process: when the channel to its parent closes, for whatever
 * reason, Azurite gets the one SIGTERM on which it saves its data and ends. So neither a test
 * that was killed nor a sandbox that crashed leaves an emulator behind.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
