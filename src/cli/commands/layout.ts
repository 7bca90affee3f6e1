/** `zeek-cluster check` and `zeek-cluster layout`. */
import { hasErrors, layoutToJson, printLayout } from '../../layout/index.js'
import { countErrors, layoutArguments, loadCluster, readCluster } from '../load-cluster.js'
import { CommandError, print } from '../output.js'

interface LayoutFlags {
  readonly dialect: string
  readonly json?: boolean
}

/** Exit code 0 when there are no errors; warnings are printed. */
export async function runCheck(
  file: string | undefined,
  args: readonly string[],
  flags: LayoutFlags,
): Promise<void> {
  const { file: path, given } = layoutArguments(file, args)
  if (flags.json === true) return checkAsJson(path, flags.dialect)
  const { layout, file: found } = await loadCluster({ file: path, dialect: flags.dialect, given })
  const count = layout.nodes.size
  print(`${found}: ok, ${count} ${count === 1 ? 'node' : 'nodes'}`)
}

async function checkAsJson(path: string | undefined, dialect: string): Promise<void> {
  const { file, layout, diagnostics } = await readCluster(path, dialect)
  const problems = diagnostics.map(({ severity, code, message, span }) => {
    const { line, column } = span
    return { severity, code, message, ...(span.file !== file && { file: span.file }), line, column }
  })
  print(JSON.stringify({ file, ok: !hasErrors(diagnostics), nodes: layout.nodes.size, problems }))
  if (hasErrors(diagnostics)) throw new CommandError(2, `${file}: ${countErrors(diagnostics)}`)
}

/** Prints the layout normalised: Zeek syntax, or JSON. */
export async function runLayout(
  file: string | undefined,
  args: readonly string[],
  flags: LayoutFlags,
): Promise<void> {
  const { file: path, given } = layoutArguments(file, args)
  const { layout } = await loadCluster({ file: path, dialect: flags.dialect, given, quiet: true })
  print(
    flags.json === true ? JSON.stringify(layoutToJson(layout), undefined, 2) : printLayout(layout).trimEnd(),
  )
}
