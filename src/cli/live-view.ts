/**
 * What `up` shows in a terminal: a table of the nodes and the last things that happened, drawn over itself. Pure:
 * from a state to lines; `LiveScreen` puts them on the terminal.
 */
import pc from 'picocolors'
import type { NodeStatus, ProcessState } from '../supervisor/messages.js'
import { formatBytes, formatCount, formatTable } from './output.js'

export interface ViewState {
  readonly title: string
  readonly nodes: readonly NodeStatus[]
  /** What just happened, oldest first. */
  readonly events: readonly string[]
  readonly footer: string
}

const COLUMNS = [
  'NODE',
  'TYPE',
  'PID',
  'ADDRESS',
  'STATE',
  'PEERS',
  'EV/S IN',
  'EV/S OUT',
  'LOG/S',
  'RSS',
] as const
const RIGHT = new Set([2, 5, 6, 7, 8, 9])

/** The table of nodes, with a header. Also what `status` prints. */
export function nodeTable(nodes: readonly NodeStatus[]): string[] {
  return formatTable(
    [
      COLUMNS,
      ...nodes.map((node) => [
        node.name,
        node.type.toLowerCase(),
        node.pid === undefined ? '-' : String(node.pid),
        node.address ?? '-',
        node.restarts > 0 ? `${node.state} (restarts: ${node.restarts})` : node.state,
        `${node.peers}/${node.peersExpected}`,
        formatCount(node.eventsInPerSecond),
        formatCount(node.eventsOutPerSecond),
        formatCount(node.logRecordsPerSecond),
        formatBytes(node.rssBytes),
      ]),
    ],
    RIGHT,
  )
}

/** The whole view, at most `rows` lines of at most `columns` characters. */
export function renderView(view: ViewState, columns: number, rows: number): string[] {
  const table = nodeTable(view.nodes)
  const details = view.nodes
    .filter((node) => node.detail !== '' && node.state !== 'up')
    .map((node) => `  ${node.name}: ${node.detail}`)
  const fixed = 4 + table.length + details.length
  // One line of the view is one line of the terminal, whatever a script prints.
  const happened = view.events
    .flatMap((text) => text.split('\n'))
    .map((line) => line.replaceAll(/\p{Cc}/gu, ' '))
  const events = happened.slice(-Math.max(1, rows - fixed - 1))
  const lines = [view.title, '', ...table, ...details, '', ...events, view.footer]
  return lines
    .slice(0, rows - 1)
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
}

/** Colours of states, for a line of the table. */
export function colourLine(line: string, node: NodeStatus | undefined): string {
  if (node === undefined) return line
  return line.replace(new RegExp(`\\b${node.state}\\b`), (word) => colourOf(node.state)(word))
}

function colourOf(state: ProcessState): (text: string) => string {
  switch (state) {
    case 'up':
      return pc.green
    case 'degraded':
    case 'failed':
      return pc.red
    case 'starting':
    case 'waiting':
    case 'restarting':
      return pc.yellow
    case 'stopped':
    case 'stopping':
      return pc.dim
  }
}

/** Draws views over each other at the bottom of a terminal. */
export class LiveScreen {
  readonly #output: NodeJS.WriteStream
  #lines = 0

  constructor(output: NodeJS.WriteStream) {
    this.#output = output
  }

  draw(view: ViewState): void {
    const columns = this.#output.columns || 100
    const rows = this.#output.rows || 30
    const first = 2 + 1
    const lines = renderView(view, columns, rows).map((line, index) => {
      if (index === 0) return pc.bold(line)
      if (index === 2) return pc.dim(line)
      return colourLine(line, view.nodes[index - first])
    })
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A` : ''
    // Line by line: some terminals keep what is erased from the top of the screen on in their history.
    const text = lines.map((line) => `\x1b[K${line}\n`).join('')
    this.#output.write(`${up}\r${text}\x1b[J`)
    this.#lines = lines.length
  }
}
