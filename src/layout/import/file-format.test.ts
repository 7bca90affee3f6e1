import { expect, test } from 'vitest'
import { layoutFormat } from '../index.js'

test.each([
  ['node.cfg', 'node-cfg'],
  ['/usr/local/zeek/etc/node.cfg', 'node-cfg'],
  ['cluster.cfg', 'node-cfg'],
  ['zeek.conf', 'zeek-conf'],
  ['etc/cluster/sensor-a.zeek.conf', 'zeek-conf'],
  ['cluster-layout.zeek', 'zeek'],
  ['node.cfg.d/layout', 'zeek'],
  ['zeek.conf.zeek', 'zeek'],
  ['cfg', 'zeek'],
  ['', 'zeek'],
] as const)('%s is read as %s', (path, format) => {
  expect(layoutFormat(path)).toBe(format)
})
