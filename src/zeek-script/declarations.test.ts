import { describe, expect, test } from 'vitest'
import { parseDeclarations, parseScripts } from './index.js'

const SCRIPT = `##! What the file is about.
@load base/frameworks/notice
module Scan;

export {
	## Kinds of
	## scans.
	type Kind: enum {
		PORT,	##< Many ports.
		## Many hosts.
		HOST = 5
	};

	type Info: record {
		## When.
		ts: time &log;
		kind: Kind &default=PORT &log;	##< Which kind.
		ports: set[port] &optional;
		peers: table[addr, Kind] of vector of Other::T;
		f: function(a: count): string &default=function(a: count): string { return "}"; };
	} &redef;

	type Names: vector of string;

	## Told when a scan is seen.
	global seen: event(host: addr, n: count &default=1);
	global is_scanner: function(a: addr): bool;
	redef enum Notice::Type += { Address_Scan };
	redef enum Kind += { NONE };
}

redef record Info += { extra: string &optional; };
redef record Conn::Info += { scan: Info &log &optional; } &log;

const patterns = /["}]/ | /x/i;
global counts: table[addr] of count &create_expire=1hr &expire_func=function(t: table[addr] of count, idx: addr): interval { return 0sec; };

@if ( Cluster::is_enabled() )
global Scan::told: event(c: connection);
@else
global alone: event();
@endif

event seen(host: addr, n: count) &priority=5 { when ( local x = lookup(host) ) { print x; } timeout 5sec { } }
event zeek_init() { print "}"; }
event own(a: string) { }
event Other::known(a: string) { }
hook Log::policy(rec: any) { break; }
if ( T ) { print "at top level"; }
`

describe('parseDeclarations', () => {
  const { types, events, diagnostics } = parseDeclarations(SCRIPT, 'scan.zeek')

  test('finds nothing wrong with an ordinary script', () => {
    expect(diagnostics).toEqual([])
  })

  test('types', () => {
    expect(types.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'enum Scan::Kind',
      'record Scan::Info',
      'alias Scan::Names',
      'enum Notice::Type',
      'record Conn::Info',
    ])
  })

  test('names of enums, with those that are added', () => {
    expect(types[0]).toMatchObject({
      isAddition: false,
      docs: ['Kinds of', 'scans.'],
      names: [
        { name: 'Scan::PORT', value: undefined, docs: ['Many ports.'] },
        { name: 'Scan::HOST', value: 5n, docs: ['Many hosts.'] },
        { name: 'Scan::NONE' },
      ],
    })
    expect(types[3]).toMatchObject({ isAddition: true, names: [{ name: 'Scan::Address_Scan' }] })
  })

  test('fields of records, with those that are added', () => {
    const kind = { kind: 'named', name: 'Scan::Kind' }
    expect(types[1]).toMatchObject({
      isAddition: false,
      fields: [
        { name: 'ts', type: { kind: 'time' }, isLogged: true, isOptional: false, docs: ['When.'] },
        { name: 'kind', type: kind, default: { kind: 'name', name: 'PORT' }, docs: ['Which kind.'] },
        {
          name: 'ports',
          type: { kind: 'set', index: [{ kind: 'port' }] },
          isOptional: true,
          isLogged: false,
        },
        {
          name: 'peers',
          type: {
            kind: 'table',
            index: [{ kind: 'addr' }, kind],
            element: { kind: 'vector', element: { kind: 'named', name: 'Other::T' } },
          },
        },
        { name: 'f', type: { kind: 'function', flavour: 'function', result: { kind: 'string' } } },
        { name: 'extra', type: { kind: 'string' }, isOptional: true },
      ],
    })
    expect(types[4]).toMatchObject({
      isAddition: true,
      fields: [
        { name: 'scan', type: { kind: 'named', name: 'Scan::Info' }, isLogged: true, isOptional: true },
      ],
    })
  })

  test('events, declared or handled', () => {
    expect(events.map(({ name, isHandledOnly }) => [name, isHandledOnly])).toEqual([
      ['Scan::seen', false],
      ['Scan::told', false],
      ['Scan::alone', false],
      ['zeek_init', true],
      ['Scan::own', true],
      ['Other::known', true],
    ])
    expect(events[0]).toMatchObject({
      docs: ['Told when a scan is seen.'],
      parameters: [
        { name: 'host', type: { kind: 'addr' } },
        { name: 'n', type: { kind: 'count' } },
      ],
    })
  })

  test('what is wrong with a declaration is told, and what follows is read', () => {
    const broken = parseDeclarations('type A: record { x count; };\ntype B: enum { C };', 'b.zeek')
    expect(broken.diagnostics.map(({ message }) => message)).toEqual([
      'expected `:` behind `x`, found `count`',
    ])
    expect(broken.types.map(({ name }) => name)).toEqual(['B'])
  })
})

describe('parseScripts', () => {
  test('reads scripts as if each loaded those before it, each outside of modules at its start', () => {
    const { types, events, modules, diagnostics } = parseScripts([
      { file: 'a.zeek', text: 'module A; type K: enum { X } &redef; global known: event();' },
      { file: 'b.zeek', text: 'type K: enum { Y }; event A::known() { }' },
      {
        file: 'c.zeek',
        text: 'module A; global e: event(k: K); redef enum K += { Z }; redef enum B::L += { W };',
      },
      { file: 'd.zeek', text: 'module B; type L: enum { V }; wrong' },
    ])
    expect(types).toMatchObject([
      { name: 'A::K', isRedefinable: true, names: [{ name: 'A::X' }, { name: 'A::Z' }] },
      { name: 'K', isRedefinable: false, names: [{ name: 'Y' }] },
      { name: 'B::L', isRedefinable: false, isAddition: false, names: [{ name: 'B::V' }, { name: 'A::W' }] },
    ])
    expect(events).toMatchObject([
      { name: 'A::known', isHandledOnly: false },
      { name: 'A::e', parameters: [{ type: { kind: 'named', name: 'A::K' } }] },
    ])
    expect(modules.map(({ name, span }) => [name, span.file])).toEqual([
      ['A', 'a.zeek'],
      ['A', 'c.zeek'],
      ['B', 'd.zeek'],
    ])
    expect(diagnostics.map(({ span }) => span.file)).toEqual(['d.zeek'])
  })
})
