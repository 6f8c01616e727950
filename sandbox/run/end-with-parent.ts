/**
 * Preloaded into every child process of the sandbox: when the channel to the parent closes,
 * because the parent stops the child or because the parent died, the child gets the SIGTERM on
 * which it stops in good order. The channel alone keeps no child alive.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
