import { describe, expect, test } from 'vitest'
import type { NodeStatus } from '../supervisor/messages.js'
import { LiveScreen, nodeTable, renderView, type ViewState } from './live-view.js'

function status(changes: Partial<NodeStatus>): NodeStatus {
  return {
    name: 'worker-1',
    type: 'WORKER',
    state: 'up',
    detail: '',
    pid: 4711,
    address: '127.0.0.1:27765',
    peers: 4,
    peersExpected: 4,
    eventsInPerSecond: 0,
    eventsOutPerSecond: 0,
    logRecordsPerSecond: 0,
    logRecords: 0,
    logQueueBytes: 0,
    logSpoolBytes: 0,
    logs: [],
    dropped: 0,
    rssBytes: 61_234_567,
    restarts: 0,
    workerCount: 0,
    ...changes,
  }
}

const NODES = [
  status({ name: 'manager', type: 'MANAGER', pid: 12, eventsInPerSecond: 12_345.6, eventsOutPerSecond: 0.5 }),
  status({ restarts: 2, state: 'waiting', detail: 'waits for manager', peers: 3 }),
  status({ name: 'worker-10', state: 'stopped', pid: undefined, address: undefined, peers: 0, rssBytes: 0 }),
]

function view(changes: Partial<ViewState> = {}): ViewState {
  return {
    title: 'the title',
    nodes: NODES,
    events: ['one', 'two', 'three'],
    footer: 'the footer',
    ...changes,
  }
}

test('the table: words to the left, figures to the right', () => {
  expect(nodeTable(NODES)).toEqual([
    'NODE       TYPE      PID  ADDRESS          STATE                  PEERS  EV/S IN  EV/S OUT  LOG/S      RSS',
    'manager    manager    12  127.0.0.1:27765  up                       4/4    12.3k       0.5      0  61.2 MB',
    'worker-1   worker   4711  127.0.0.1:27765  waiting (restarts: 2)    3/4        0         0      0  61.2 MB',
    'worker-10  worker      -  -                stopped                  0/4        0         0      0      0 B',
  ])
})

describe('the view', () => {
  test('has title, table, what is not well, what happened, footer', () => {
    expect(renderView(view(), 120, 30)).toEqual([
      'the title',
      '',
      ...nodeTable(NODES),
      '  worker-1: waits for manager',
      '',
      'one',
      'two',
      'three',
      'the footer',
    ])
  })

  test('forgets the oldest events when there are more than rows', () => {
    const events = Array.from({ length: 50 }, (_, index) => `event ${index}`)
    const lines = renderView(view({ events }), 120, 16)
    expect(lines).toHaveLength(15)
    expect(lines.slice(8)).toEqual([
      'event 44',
      'event 45',
      'event 46',
      'event 47',
      'event 48',
      'event 49',
      'the footer',
    ])
  })

  test('cuts what is wider than the terminal', () => {
    const lines = renderView(view({ events: ['x'.repeat(41), 'y'.repeat(40)] }), 40, 30)
    expect(lines.every((line) => line.length <= 40)).toBe(true)
    expect(lines[2]).toBe('NODE       TYPE      PID  ADDRESS      …')
    expect(lines.at(-3)).toBe(`${'x'.repeat(39)}…`)
    expect(lines.at(-2)).toBe('y'.repeat(40))
  })

  test('fits the smallest terminal', () => {
    expect(renderView(view(), 10, 4)).toHaveLength(3)
  })

  test('breaks no line: one of several lines would be drawn over the wrong place', () => {
    const lines = renderView(view({ events: ['first\nsecond', '\x1b[2J\tthird'] }), 120, 30)
    expect(lines.filter((line) => line.includes('\n'))).toEqual([])
    expect(lines.slice(-4)).toEqual(['first', 'second', ' [2J third', 'the footer'])
  })
})

test('each view is drawn over the one before, line by line', () => {
  const written: string[] = []
  const output = { columns: 120, rows: 30, write: (text: string) => written.push(text) }
  const screen = new LiveScreen(output as unknown as NodeJS.WriteStream)
  screen.draw(view({ nodes: [], events: ['one'] }))
  screen.draw(view({ nodes: [], events: ['two'] }))
  const [first, second] = written.map((text) => text.replaceAll('\x1b', 'ESC'))
  expect(first!.split('\n')).toHaveLength(7)
  expect(first).toMatch(/^\rESC\[K/)
  expect(second).toMatch(/^ESC\[6A\rESC\[K/)
  expect(second).toMatch(/ESC\[Ktwo\nESC\[Kthe footer\nESC\[J$/)
})
