import { describe, expect, test } from 'vitest'
import { valueToJson } from '../../data/json.js'
import { parseArgument } from './publish.js'

describe('arguments of publish', () => {
  test.each([
    ['count:0', '{"@data-type":"count","data":0}'],
    ['int:-9223372036854775808', '{"@data-type":"integer","data":-9223372036854775808}'],
    ['real:-1e-3', '{"@data-type":"real","data":-0.001}'],
    ['string:a:b', '{"@data-type":"string","data":"a:b"}'],
    ['string:{}', '{"@data-type":"string","data":"{}"}'],
    ['addr:::1', '{"@data-type":"address","data":"::1"}'],
    ['addr:::ffff:10.0.0.1', '{"@data-type":"address","data":"10.0.0.1"}'],
    ['subnet:2001:db8::/32', '{"@data-type":"subnet","data":"2001:db8::/32"}'],
    ['port:80', '{"@data-type":"port","data":"80/tcp"}'],
    ['port:8/icmp', '{"@data-type":"port","data":"8/icmp"}'],
    ['time:2026-01-31T12:00:00', '{"@data-type":"timestamp","data":"2026-01-31T12:00:00.000"}'],
    ['time:2026-01-31T13:00:00.5+01:00', '{"@data-type":"timestamp","data":"2026-01-31T12:00:00.500"}'],
    ['interval:2min', '{"@data-type":"timespan","data":"120s"}'],
    ['interval:-1500us', '{"@data-type":"timespan","data":"-1500us"}'],
    ['enum:Conn::LOG', '{"@data-type":"enum-value","data":"Conn::LOG"}'],
    ['bool:F', '{"@data-type":"boolean","data":false}'],
    ['{"@data-type":"set","data":[]}', '{"@data-type":"set","data":[]}'],
  ])('%s', (text, json) => {
    expect(valueToJson(parseArgument(text))).toBe(json)
  })

  test.each([
    ['', 'write TYPE:VALUE'],
    ['5', 'write TYPE:VALUE'],
    [':5', 'write TYPE:VALUE'],
    ['Count:5', 'write TYPE:VALUE'],
    ['count:', 'not a count'],
    ['count:1.5', 'not a count'],
    ['count:0x10', 'not a count'],
    ['int:', 'not an int'],
    ['real:', 'not a number'],
    ['real:one', 'not a number'],
    ['bool:1', 'a bool is T or F'],
    ['addr:', 'not an IP address'],
    ['subnet:10.0.0.0', 'not a subnet'],
    ['subnet:10.0.0.0/33', 'not a prefix length for 10.0.0.0: 33'],
    ['port:http', 'not a port'],
    ['time:yesterday', 'not a time'],
    ['time:2026-13-01T00:00:00', 'not a time'],
    ['interval:5', 'not a time span'],
    ['{', 'not valid JSON'],
    ['{"@data-type":"count","data":"5"}', 'data does not fit @data-type count'],
  ])("'%s' is refused with exit code 2", (text, message) => {
    let error: unknown
    try {
      parseArgument(text)
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ data: { exitCode: 2 } })
    expect((error as Error).message).toMatch(`argument '${text}': ${message}`)
  })
})
