/** What TypeScript makes of types and events: these expectations are checked by the compiler (`npm run types`). */
import { describe, expectTypeOf, test } from 'vitest'
import type { Cluster } from '../index.js'
import type { Address, Port, Value } from './index.js'
import * as types from './index.js'

const { addr, any, bool, count, enumOf, event, int, optional, port, record, set, string, table } = types

const Severity = enumOf('Demo::Severity', ['Demo::LOW', 'Demo::HIGH'])
type Severity = 'Demo::LOW' | 'Demo::HIGH'

const Host = record({ ip: addr, ports: set(port), severity: Severity, name: optional(string) })
interface Host {
  readonly ip: Address
  readonly ports: ReadonlySet<Port>
  readonly severity: Severity
  readonly name?: string | undefined
}

describe('the compiler infers', () => {
  test('the values of an enum', () => {
    expectTypeOf<types.Native<typeof Severity>>().toEqualTypeOf<Severity>()
    expectTypeOf(Severity.values).toEqualTypeOf<readonly Severity[]>()
  })

  test('the fields of a record: what is optional may be missing', () => {
    expectTypeOf<types.Native<typeof Host>>().toExtend<Host>()
    expectTypeOf<Host>().toExtend<types.Native<typeof Host>>()
    expectTypeOf<Omit<Host, 'ip'>>().not.toExtend<types.Native<typeof Host>>()
    expectTypeOf<Omit<Host, 'severity'> & { severity: string }>().not.toExtend<types.Native<typeof Host>>()
    const inner = record({ host: Host, all: types.vector(Host) })
    expectTypeOf<types.Native<typeof inner>['all'][number]['severity']>().toEqualTypeOf<Severity>()
  })

  test('tables and tuples', () => {
    const counts = table(types.tuple(addr, port), int)
    expectTypeOf<types.Native<typeof counts>>().toEqualTypeOf<ReadonlyMap<readonly [Address, Port], bigint>>()
  })

  test('the arguments of an event', () => {
    const seen = event('Demo::seen', [addr, count, Severity, any])
    expectTypeOf(seen).parameters.toEqualTypeOf<[Address, bigint, Severity, Value]>()
    expectTypeOf(event('Demo::nothing', [])).parameters.toEqualTypeOf<[]>()
  })

  test('what a handler is called with', () => {
    const found = event('Demo::found', [Host, Severity, bool])
    const subscribe = (cluster: Cluster): void => {
      cluster.on(found, (host, severity, isNew) => {
        expectTypeOf(host.ports).toEqualTypeOf<ReadonlySet<Port>>()
        expectTypeOf(host.name).toEqualTypeOf<string | undefined>()
        expectTypeOf(severity).toEqualTypeOf<Severity>()
        expectTypeOf(isNew).toEqualTypeOf<boolean>()
      })
    }
    expectTypeOf(subscribe).returns.toBeVoid()
  })
})
