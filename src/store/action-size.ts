import type { Action } from './command.js'

/** Beside keys and values. */
const ACTION_BYTES = 128

/** What an action takes in memory, about. */
export function sizeOfAction(action: Action): number {
  switch (action.kind) {
    case 'put':
    case 'put-unique':
    case 'add':
    case 'subtract':
      return ACTION_BYTES + action.key.length + action.value.length
    case 'erase':
    case 'expire':
      return ACTION_BYTES + action.key.length
    case 'clear':
    case 'put-unique-result':
      return ACTION_BYTES
  }
}
