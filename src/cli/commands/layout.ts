/** `zeek-cluster check` and `zeek-cluster layout`. */
import { layoutToJson, printLayout } from '../../layout/index.js'
import { loadCluster, onlyRedefs } from '../load-cluster.js'
import { print } from '../output.js'

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
  const redefs = onlyRedefs(args)
  const { layout, file: found } = await loadCluster({ file, dialect: flags.dialect, redefs })
  const count = layout.nodes.size
  if (flags.json === true) print(JSON.stringify({ file: found, ok: true, nodes: count }))
  else print(`${found}: ok, ${count} ${count === 1 ? 'node' : 'nodes'}`)
}

/** Prints the layout normalised: Zeek syntax, or JSON. */
export async function runLayout(
  file: string | undefined,
  args: readonly string[],
  flags: LayoutFlags,
): Promise<void> {
  const redefs = onlyRedefs(args)
  const { layout } = await loadCluster({ file, dialect: flags.dialect, redefs, quiet: true })
  print(
    flags.json === true ? JSON.stringify(layoutToJson(layout), undefined, 2) : printLayout(layout).trimEnd(),
  )
}
