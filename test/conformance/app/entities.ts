/** Entities of the cases. */
import * as df from 'durable-functions'

/** A sum; `addThenFail` changes it and throws. */
df.app.entity('counter', (context) => {
  const sum: number = context.df.getState(() => 0) as number
  const input: number = (context.df.getInput() as number | undefined) ?? 0
  switch (context.df.operationName) {
    case 'add':
      context.df.setState(sum + input)
      break
    case 'get':
      context.df.return(sum)
      break
    case 'addThenFail':
      context.df.setState(sum + input)
      throw new Error('after the change')
    case 'remove':
      context.df.destructOnExit()
      break
    default:
      context.df.return('unknown operation')
  }
})
