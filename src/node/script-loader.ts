/** Loads user scripts: `.ts` and `.js` modules anywhere on disk whose default export takes the cluster. */
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TransformFailure } from 'esbuild'
import { ClusterError, errorMessage } from '../base/errors.js'
import { locateError, type NamedScript, type Script } from './script.js'

let registered = false

/**
 * Loads one script. Rejects with a `ClusterError`: code `script-unreadable` for a file that cannot be loaded,
 * `not-a-script` for a module without a default function.
 */
export async function loadScript(file: string): Promise<NamedScript> {
  if (!registered) {
    registered = true
    process.setSourceMapsEnabled(true)
    register(new URL('./script-hooks.js', import.meta.url))
  }
  const path = resolve(file)
  let module: { default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown }
  } catch (error) {
    const message =
      (await syntaxErrors(path)) ?? `${locateError(error, path) ?? file}: ${errorMessage(error).trim()}`
    throw new ClusterError('script-unreadable', message, { file }, error)
  }
  if (typeof module.default !== 'function') {
    const message = `${file}: the default export is not a function: export default (cluster) => { … }`
    throw new ClusterError('not-a-script', message, { file })
  }
  return { name: file, run: module.default as Script }
}

/** What is wrong in a file that is no valid script, by place; Node.js itself names none. Undefined when it is valid. */
async function syntaxErrors(path: string): Promise<string | undefined> {
  const { transform } = await import('esbuild')
  try {
    const loader = /\.[mc]?ts$/.test(path) ? 'ts' : 'js'
    await transform(await readFile(path, 'utf8'), { loader, logLevel: 'silent' })
    return undefined
  } catch (error) {
    const { errors } = error as Partial<TransformFailure>
    const lines = errors?.flatMap(({ text, location }) =>
      location === null ? [] : `${path}:${location.line}:${location.column + 1}: error: ${text}`,
    )
    return lines?.join('\n')
  }
}
