/** What a clone concludes about its writes from what the master tells (spec/broker-protocol.md 7.9). */
import { describe, expect, test } from 'vitest'
import type { Action } from './command.js'
import type { Write } from './engine.js'
import { NOBODY } from './entity.js'
import { PendingWrites } from './pending-writes.js'

const put = (key: string, value: string): Action => ({
  kind: 'put',
  key,
  value,
  expiry: undefined,
  publisher: NOBODY,
})
const unique = (key: string, requestId: number): Action => ({
  kind: 'put-unique',
  key,
  value: 'u',
  expiry: undefined,
  who: NOBODY,
  requestId,
  publisher: NOBODY,
})
const add = (key: string): Action => ({
  kind: 'add',
  key,
  value: 'x',
  initType: 2,
  expiry: undefined,
  publisher: NOBODY,
})
const erase = (key: string): Action => ({ kind: 'erase', key, publisher: NOBODY })

class Fixture {
  readonly pending = new PendingWrites(() => 10)
  readonly log: string[] = []
  #seq = 1

  write(name: string, action: Action): Write {
    return {
      action,
      seq: 0,
      isSettled: false,
      resolve: (inserted) => this.log.push(`${name}: ${inserted ?? 'done'}`),
      reject: () => this.log.push(`${name}: refused`),
    }
  }

  send(name: string, action: Action): Write {
    this.#seq += 1
    const write = this.write(name, action)
    this.pending.sent(write, this.#seq)
    return write
  }

  readonly passedOver = ({ action, resolve, reject }: Write): void => {
    if (action.kind === 'erase') resolve()
    else reject(undefined as never)
  }
}

describe('in flight', () => {
  test('an echo settles its write, and at once those before it that the master said nothing of', () => {
    const { pending, log, send, passedOver } = bound()
    send('erased nothing', erase('a'))
    send('clashed', add('b'))
    send('put', put('c', '1'))
    send('later', put('d', '1'))
    pending.echoed(put('c', '1'), passedOver)
    expect(log).toEqual(['erased nothing: done', 'clashed: refused', 'put: done'])
    expect(pending.size).toBe(1)
    expect(pending.bytes).toBe(10)
  })

  test('an echo that fits none settles none', () => {
    const { pending, log, send, passedOver } = bound()
    send('put', put('a', '1'))
    pending.echoed(put('a', 'of another handle'), passedOver)
    pending.echoed(erase('a'), passedOver)
    expect(log).toEqual([])
  })

  test('a unique put waits for its answer, not for its echo', () => {
    const { pending, log, send, passedOver } = bound()
    send('before', erase('x'))
    send('unique', unique('a', 7))
    send('other', unique('a', 8))
    pending.echoed(put('a', 'u'), passedOver)
    expect(log).toEqual(['before: done'])
    pending.answered(7, true, passedOver)
    pending.answered(7, false, passedOver)
    pending.answered(8, false, passedOver)
    expect(log).toEqual(['before: done', 'unique: true', 'other: false'])
  })

  test('outcomes and acknowledgements are by position', () => {
    const { pending, log, send, passedOver } = bound()
    send('two', add('a'))
    send('three', add('b'))
    send('four', put('c', '1'))
    pending.outcome(3, (write) => write.resolve())
    pending.outcome(3, (write) => write.resolve())
    expect(log).toEqual(['three: done'])
    pending.passed(3, passedOver)
    expect(log).toEqual(['three: done', 'two: refused'])
    pending.passed(4, passedOver)
    expect(log.at(-1)).toBe('four: refused')
    expect([pending.size, pending.bytes]).toEqual([0, 0])
  })
})

describe('held', () => {
  test('in order; one that its caller gives up is not sent', () => {
    const { pending, write } = bound()
    const writes = ['a', 'b', 'c'].map((name) => write(name, put(name, '1')))
    for (const each of writes) pending.hold(each)
    expect(pending.cancel(writes[1]!)).toBe(true)
    expect(pending.cancel(writes[1]!)).toBe(false)
    expect(pending.bytes).toBe(20)
    expect([pending.takeHeld(), pending.takeHeld(), pending.takeHeld()]).toEqual([
      writes[0],
      writes[2],
      undefined,
    ])
  })

  test('those that were on their way come before the others, and are known to have been', () => {
    const { pending, write, send } = bound()
    const sent = send('sent', put('a', '1'))
    const held = write('held', put('b', '1'))
    pending.hold(held)
    pending.holdAgain(pending.takeFlight())
    expect([pending.takeHeld(), pending.takeHeld()]).toEqual([sent, held])
    expect([pending.wasSent(sent), pending.wasSent(held)]).toEqual([true, false])
    pending.sent(sent, 2)
    expect(pending.size).toBe(1)
  })
})

function bound() {
  const fixture = new Fixture()
  const { pending, log, passedOver } = fixture
  return {
    pending,
    log,
    passedOver,
    send: (name: string, action: Action) => fixture.send(name, action),
    write: (name: string, action: Action) => fixture.write(name, action),
  }
}
