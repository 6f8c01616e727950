/** What Stryker loads of ours (docs/mutation.md). */
import { declareClassPlugin, declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'
import { ignorePhrases } from './ignore-phrases.ts'
import { optionsSchema, RecordedTestRunner } from './runner.ts'

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'recorded', RecordedTestRunner),
  declareValuePlugin(PluginKind.Ignore, 'phrases', ignorePhrases),
]

export const strykerValidationSchema = optionsSchema
