/** A child for tests: ready at once, ends in good order on SIGTERM. Arguments: how to behave. */
const [behaviour = 'ready'] = process.argv.slice(2)

if (behaviour === 'fails') {
  process.stderr.write('{"level":"critical","text":"the state is broken"}\n')
  process.exit(1)
}
if (behaviour === 'port') process.exit(2)
process.stdout.write('a line that is no JSON\n')
process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid })}\n`)
process.stdout.write(`${JSON.stringify({ workerPid: 7 })}\n`)
const alive = setInterval(() => undefined, 1000)
process.once('SIGTERM', () => {
  clearInterval(alive)
  process.exitCode = 3
})
