/**
 * Module hooks for user scripts: TypeScript is transformed on loading, `./lib.js` finds `./lib.ts`, and
 * `zeek-cluster` is the package that runs. Registered by `script-loader.ts`; runs on Node's hooks thread.
 */
import { readFile } from 'node:fs/promises'
import type { LoadHook, ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (specifier === 'zeek-cluster' || specifier.startsWith('zeek-cluster/')) {
    return nextResolve(specifier, { ...context, parentURL: import.meta.url })
  }
  try {
    return await nextResolve(specifier, context)
  } catch (error) {
    if (!specifier.startsWith('.') || !specifier.endsWith('.js')) throw error
    try {
      return await nextResolve(specifier.replace(/\.js$/, '.ts'), context)
    } catch {
      throw error
    }
  }
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const path = url.split('?', 1)[0] ?? url
  if (!path.startsWith('file:') || !/\.[mc]?ts$/.test(path)) return nextLoad(url, context)
  const file = fileURLToPath(path)
  const { code } = await transform(await readFile(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    sourcefile: file,
  })
  return { format: 'module', source: code, shortCircuit: true }
}
