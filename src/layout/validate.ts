/**
 * Checks across the nodes of a layout. Warnings are what Zeek accepts without a word and is a mistake all the
 * same. Nothing is concluded from what is missing in a file that was
 * not understood to its end.
 */

import type { Dialect } from '../options/dialect.js'
import { fitRedef, OPTIONS } from '../options/registry.js'
import { quoteString, type Report, type SourceSpan } from '../zeek-script/index.js'
import type { Outline } from './evaluate.js'
import type { Layout, LayoutNode } from './layout.js'
import type { NodeType } from './node-type.js'
import { firstDialers } from './topology.js'

/** Checks a layout as a whole (spec/cluster-framework.md 1.2, 2.6). `fallback` is where a place is lacking. */
export function validateLayout(
  outline: Outline,
  dialect: Dialect,
  report: Report,
  fallback: SourceSpan,
): void {
  const { layout } = outline
  checkPorts(outline, report, fallback)
  for (const node of layout.nodes.values()) {
    if (node.name === '') {
      const message = 'a node with an empty name can never be started: an empty name means no cluster'
      report.warning('empty-name', message, node.span ?? fallback)
    }
    checkReferences(outline, node, report, fallback)
  }
  checkAddresses(layout, report, fallback)
  if (outline.complete && outline.brokenNodes.size === 0) checkRoles(outline, dialect, report, fallback)
}

/** Zeek accepts a layout without these ports and then fails to connect, for ever and node by node. */
function checkPorts(outline: Outline, report: Report, fallback: SourceSpan): void {
  for (const [node, dialer] of firstDialers(outline.layout)) {
    const who = `node ${quoteString(dialer.name)} must connect to ${quoteString(node.name)}`
    const place = outline.fields.get(node.name)?.get('p')
    if (place?.isKnown === false) continue
    const span = place?.span ?? node.span ?? fallback
    if (node.p === undefined) {
      report.warning('no-port', `${who}, which has no port: add one, as in \`$p=27760/tcp\``, span)
    } else if (node.p.protocol !== 'tcp') {
      report.warning(
        'no-port',
        `${who}, but ${node.p} is no TCP port: write \`${node.p.number || 27760}/tcp\``,
        span,
      )
    } else if (node.p.number === 0) {
      report.warning('no-port', `${who}, but port 0 is none to connect to: write its number`, span)
    }
  }
}

function checkReferences(outline: Outline, node: LayoutNode, report: Report, fallback: SourceSpan): void {
  const references = [
    { field: 'manager', target: node.manager, type: 'MANAGER' },
    { field: 'time_machine', target: node.timeMachine, type: 'TIME_MACHINE' },
  ] as const
  for (const { field, target, type } of references) {
    if (target === undefined || outline.brokenNodes.has(target)) continue
    const found = outline.layout.nodes.get(target)
    if (found?.nodeType === type || (found === undefined && !outline.complete)) continue
    const why = found === undefined ? 'is not in the layout' : `is of type Cluster::${found.nodeType}`
    const message = `\`$${field}\` of node ${quoteString(node.name)} names ${quoteString(target)}, which ${why}: there will be no connection`
    const span = outline.fields.get(node.name)?.get(field)?.span ?? node.span ?? fallback
    report.warning(`unknown-${field.replace('_', '-')}`, message, span)
  }
}

function checkAddresses(layout: Layout, report: Report, fallback: SourceSpan): void {
  const taken = new Map<string, LayoutNode>()
  for (const node of layout.nodes.values()) {
    const { p: port } = node
    if (port === undefined || port.number === 0 || node.nodeType === 'NONE') continue
    const place = `${node.ip}%${node.zoneId} ${port}`
    const first = taken.get(place)
    if (first === undefined) {
      taken.set(place, node)
      continue
    }
    const line = first.span === undefined ? '' : ` (line ${first.span.line})`
    const message = `node ${quoteString(node.name)} has the address and port of ${quoteString(first.name)}${line}, ${node.ip} ${port}: only one of them can listen`
    report.warning('address-in-use', message, node.span ?? fallback)
  }
}

function checkRoles(outline: Outline, dialect: Dialect, report: Report, fallback: SourceSpan): void {
  const { layout, redefSpans } = outline
  const first = (type: NodeType): LayoutNode | undefined =>
    [...layout.nodes.values()].find((node) => node.nodeType === type)
  if (layout.nodes.size === 0) {
    const message = 'the layout has no nodes: add `redef Cluster::nodes = { ["manager"] = […], … };`'
    report.warning('no-nodes', message, fallback)
    return
  }
  const start = [...layout.nodes.values()][0]?.span ?? fallback
  const manager = first('MANAGER')
  const worker = first('WORKER')
  const logger = first('LOGGER')
  if (manager === undefined) {
    report.warning('no-manager', 'the layout has no manager: add a node of type Cluster::MANAGER', start)
  }
  if (worker !== undefined && first('PROXY') === undefined) {
    const message = 'the layout has workers and no proxy: what they publish to the proxies reaches nobody'
    report.warning('no-proxy', message, worker.span ?? fallback)
  }
  const optionSpan = redefSpans.get(OPTIONS.managerIsLogger.name)
  if (managerIsLogger(layout, dialect) && logger !== undefined) {
    const given = optionSpan === undefined ? 'is T when it is not given' : 'is T'
    const message = `\`Cluster::manager_is_logger\` ${given}, and the layout has loggers: add \`redef Cluster::manager_is_logger = F;\``
    report.warning('manager-is-logger', message, optionSpan ?? logger.span ?? fallback)
  } else if (!managerIsLogger(layout, dialect) && logger === undefined) {
    const message = 'no node writes logs: add a logger, or set `Cluster::manager_is_logger` to T'
    report.warning('no-logger', message, optionSpan ?? start)
  }
  if (manager !== undefined) checkManagerFields(outline, manager, report, fallback)
}

function checkManagerFields(
  outline: Outline,
  manager: LayoutNode,
  report: Report,
  fallback: SourceSpan,
): void {
  for (const node of outline.layout.nodes.values()) {
    if (outline.fields.get(node.name)?.get('manager')?.isKnown === false) continue
    if ((node.nodeType !== 'PROXY' && node.nodeType !== 'WORKER') || node.manager !== undefined) continue
    const example = `\`$manager=${quoteString(manager.name)}\``
    const message = `node ${quoteString(node.name)} does not connect to a manager: add ${example}`
    report.warning('no-manager-field', message, node.span ?? fallback)
  }
}

function managerIsLogger(layout: Layout, dialect: Dialect): boolean {
  const option = OPTIONS.managerIsLogger
  let value = option.default(dialect)
  for (const redef of layout.redefs) {
    if (redef.name === option.name) value = fitRedef(option.type, redef.value) ?? value
  }
  return value
}
