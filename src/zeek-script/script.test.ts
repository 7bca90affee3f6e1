/** Declarations, conditions and loaded files. Whether Zeek 9.0.0-rc1 takes each script has been tried. */
import { describe, expect, test } from 'vitest'
import { runText } from '../../test/support/script-runs.js'

/** The text that a script gives `y`. */
function text(script: string): unknown {
  const { values, errors } = runText(`${script}\nredef Out::text = cat(y);`)
  expect(errors).toEqual([])
  return values['Out::text']?.value
}

const RECORD = 'type R: record { a: count; b: string &optional; c: double &default=3; };'

describe('declarations', () => {
  test.each([
    ['const y = 5;', '5'],
    ['global y: count = 5;', '5'],
    ['option y = 5;', '5'],
    ['const y: int = 5;', '5'],
    ['const y: count = +5;', '5'],
    ['const y: double = 5;', '5.0'],
    ['const y: any = 5;', '5'],
    ['module M; const x = 5; const y = cat(x, M::x);', '55'],
    ['module M; export { const x = 5; } module GLOBAL; const y = M::x;', '5'],
    ['const x = 1; module M; const x = 2; const y = cat(x, ::x);', '21'],
    ['module M; type E: enum { A, B }; const y = cat(A, M::B, A == B);', 'M::AM::BF'],
    ['type E: enum { A }; redef enum E += { C = 7 }; const y = C;', 'C'],
    [`${RECORD} const r: R = [$a=1]; const y = cat(r$a, r$c, r?$b);`, '13.0F'],
    [`${RECORD} const y = R($a=3)$a;`, '3'],
    [`${RECORD} const t: table[string] of R = { ["x"] = [$a=1], }; const y = t["x"]$c;`, '3.0'],
    [`${RECORD} const v: vector of R = { [$a=4], R($a=3) }; const y = cat(v[0]$a, v[1]$a);`, '43'],
    [`${RECORD} redef record R += { d: count &default=7; }; const r: R = [$a=1]; const y = r$d;`, '7'],
    [`${RECORD} type Q: record { r: R; }; const q: Q = [$r=[$a=1]]; const y = q$r$a;`, '1'],
    ['const q: set[string] = {"a", "b"}; const y = cat("a" in q, "c" in q);', 'TF'],
    ['const z: set[string, count] = { ["a", 1] }; const y = cat(["a", 1] in z, ["a", 2] in z);', 'TF'],
    ['const z: table[string, count] of string = { ["a", 1] = "x" }; const y = z["a", 1];', 'x'],
    ['const x: table[string] of count = {["a"]=1} &default=7; const y = cat(x["a"], x["q"]);', '17'],
    ['const x: table[string] of count = {["a"]=1, ["a"]=2}; const y = cat(x["a"], |x|);', '21'],
    ['const x: table[string] of set[count] = { ["a"] = set(1, 2) }; const y = 1 in x["a"];', 'T'],
    ['const x: set[subnet] = { 10.0.0.0/8 }; const y = 10.0.0.1 in x;', 'T'],
    ['const x: set[double] = {1, 2.5}; const y = 1.0 in x;', 'T'],
    ['global x: table[string] of count; const y = |x|;', '0'],
    ['const x: set[string] = {}; const y = |x|;', '0'],
    ['type S: set[count]; const y = 1 in S(1, 2);', 'T'],
    ['type V: vector of string; const v: V = {"a"}; const y = v[0];', 'a'],
    ['const x: string_vec = vector("a"); const y = x[0];', 'a'],
    ['const r = [$a=1, $b=[$c=2]]; const y = r$b$c;', '2'],
    ['const p: transport_proto = tcp; const y = count_to_port(80, p);', '80/tcp'],
  ])('%s', (script, value) => expect(text(script)).toBe(value))

  test.each([
    ['const a: count = -1;', '1:18 bad-number: `a`: -1 is no count: a count is 0 or more'],
    ['const a: interval = 5;', '1:21 wrong-type: `a` is an interval, not a count'],
    ['const a: string = 5;', '1:19 wrong-type: `a` is a string, not a count'],
    ['const x: set[string] = {1};', '1:25 wrong-type: an index of `x` is a string, not a count'],
    ['const x: table[string] of count = {1};', '1:35 wrong-type: `x` is a table[string] of count, not a set'],
    [
      'const x: table[string] of count = {["a"]="b"};',
      '1:42 wrong-type: an element of `x` is a count, not a string',
    ],
    [
      'const x: vector of count = vector(1, "a");',
      '1:38 wrong-type: an element of `x` is a count, not a string',
    ],
    [
      'const x: table[string, count] of bool = { ["a"] = T };',
      '1:44 wrong-type: an index of `x` has 2 parts: string, count',
    ],
    ['const x: Nope = 5;', '1:10 unknown-type: the type `Nope` of `x` is not known here'],
    ['const x: time = 5;', '1:17 unsupported-syntax: `x` is a time, which has no values here'],
    ['type E: enum { A, B }; const e: E = 5;', '1:37 wrong-type: `e` is a `E`, not a count'],
    [
      'type E: enum { ONE, TWO }; const e: E = THREE;',
      '1:41 unknown-name: `e` is a `E`, and `THREE` is not one of its names: the names are ONE, TWO',
    ],
    [`${RECORD}\nconst r: R = [];`, '2:14 missing-field: this record has no `$a`, and `R` needs one'],
    [`${RECORD}\nconst r: R = [$a="x"];`, '2:18 wrong-type: `$a` of `R` is a count, not a string'],
    [
      `${RECORD}\nconst r: R = [$a=1, $d=1];`,
      '2:21 unknown-field: `$d` is not a field of `R`: the fields are $a, $b, $c',
    ],
    [`${RECORD}\nconst r: R = [$a=1, $a=1];`, '2:21 duplicate-field: `$a` is given twice: remove one'],
    [`${RECORD}\nconst r = R(1);`, '2:13 syntax: `R(…)` has fields: write `$field=value`'],
    ['const e = {};', '1:11 wrong-type: nothing says what `e` holds: write its type, as in `set[string]`'],
    [
      'const x = 5; const x = 6;',
      '1:20 already-defined: `x` is there already: choose another name, or write `redef` to change it',
    ],
    [
      'const x: string; redef y = cat(x);',
      '1:32 no-value: `x` has no value: give it one where it is declared',
    ],
    [
      'const x = nope; redef y = cat(x, x);',
      '1:11 unknown-name: `nope` is not known here: write its value, or a string in quotes',
    ],
    ['const x: ; redef y = cat(x);', '1:10 syntax: expected a type here, found `;`'],
    ['type T: count', '1:14 syntax: expected `;` at the end of the statement, but the file ends here'],
    ['export { const x = 5;', '1:8 syntax: this `export` is never closed: add `}` at its end'],
    ['function f() { if ( T ) {', '1:14 syntax: this `{` is never closed: add `}` at the end of the block'],
    ['print 5;', '1:1 unsupported-syntax: `print` statements are not supported'],
    ['x = 5;', '1:1 unsupported-syntax: assignments are not supported: write `redef x = …`'],
    ['f(5);', '1:1 unsupported-syntax: a call of `f` as a statement is not supported'],
    [
      'function f(): count { return 5; } const x = f();',
      '1:45 unsupported-syntax: a call of `f`, which is a function of the script, is not supported: write the value that it gives',
    ],
  ])('%s', (script, error) => expect(runText(script).errors).toEqual([error]))

  test('functions, hooks and handlers are left out, whatever they do', () => {
    const { values, errors, notes } = runText(`
      global f: function(a: count): string;
      event zeek_init() &priority=5 { if ( T ) { print "}", /"}/; } when ( f(1) == "" ) { } }
      function f(a: count): string { return a > 5 ? "{" : "}"; }
      hook h(s: string) { break; }
      redef event f() { }
      redef y = 1;`)
    expect(errors).toEqual([])
    expect(Object.keys(values)).toEqual(['y'])
    expect(notes[0]).toBe(
      '3:13 handler-ignored: the handler of event `zeek_init` is left out: nothing here calls it',
    )
    expect(notes).toHaveLength(4)
  })

  test('what is added to records that are not known is ignored', () => {
    const { errors, notes } = runText(
      'redef record Conn::Info += { x: count &log; }; redef record A$b += { &log };',
    )
    expect(errors).toEqual([])
    expect(notes).toEqual([
      '1:14 fields-ignored: `Conn::Info` is not known here: what is added to it is ignored',
      '1:61 fields-ignored: `A` is not known here: what is added to it is ignored',
    ])
  })
})

describe('redefs of what the script declares', () => {
  test.each([
    ['const y = 5 &redef; redef y = 6;', '6'],
    ['const y = 5 &redef; redef y += 2;', '7'],
    ['const y = 5 &redef; redef y -= 2;', '3'],
    ['const y = "a" &redef; redef y += "b";', 'ab'],
    ['const y = 1 min &redef; redef y -= 30 sec;', '30.0 secs'],
    [
      'const y = vector(1) &redef; redef y += vector(2); redef y += 3; redef y += { 4, 5 };',
      '[1, 2, 3, 4, 5]',
    ],
    [
      'const s = set(1, 2) &redef; redef s -= {1}; redef s += {5}; const y = cat(1 in s, 2 in s, 5 in s);',
      'FTT',
    ],
    ['const t = table([1]="a") &redef; redef t -= {[1]="a"}; const y = |t|;', '0'],
    [
      'const t: table[string] of count &redef; redef t += {["a"]=1}; redef t += {["b"]=2}; const y = cat(t["a"], t["b"]);',
      '12',
    ],
    ['const t: table[string] of count = {["a"]=1} &redef; redef t = {["b"]=2}; const y = "a" in t;', 'F'],
    ['option y = 5; redef y = 6;', '6'],
    ['module M; const y = 5 &redef; redef y = 6; redef M::y += 1; module GLOBAL; const y = M::y;', '7'],
  ])('%s', (script, value) => expect(text(script)).toBe(value))

  test.each([
    [
      'const x = 5; redef x = 6;',
      '1:20 not-redefinable: `x` cannot be redefined: add `&redef` where it is declared',
    ],
    ['const x = 5 &redef; redef x = "a";', '1:31 wrong-type: `x` is a count, not a string'],
    [
      'const x = 5 &redef; redef x += "a";',
      '1:32 wrong-type: the operator `+` does not take count and string',
    ],
    ['const x = 5 &redef; redef x -= 6;', '1:32 bad-number: -1 is no count: a count is 0 or more'],
    [
      'const x = T &redef; redef x += T;',
      '1:27 wrong-type: `+=` adds to tables, sets, lists and numbers, and `x` is a bool: write `=`',
    ],
    [
      'const x = vector(1) &redef; redef x -= 1;',
      '1:35 wrong-type: `-=` takes from tables, sets, lists and numbers, and `x` is a vector of count: write `=`',
    ],
    [
      'const x: count &redef; redef x += 1;',
      '1:30 no-value: `x` has no value to which `+=` could be applied',
    ],
    [
      'const x = set(1) &redef; redef x += { "a" };',
      '1:39 wrong-type: an index of `x` is a count, not a string',
    ],
  ])('%s', (script, error) => expect(runText(script).errors).toEqual([error]))
})

describe('conditions', () => {
  test.each([
    ['@if ( 1 < 2 )\nconst y = "a";\n@else\nconst y = "b";\n@endif', 'a'],
    ['@if ( F )\nconst y = "a";\n@else\nconst y = "b";\n@endif', 'b'],
    ['@ifdef ( nope )\nconst y = "a";\n@else\nconst y = "b";\n@endif', 'b'],
    ['const x = 1;\n@ifdef ( x )\nconst y = "a";\n@endif', 'a'],
    ['@ifndef ( nope )\nconst y = "a";\n@endif', 'a'],
    ['const x = 1 &redef; redef x = 2;\n@if ( x == 2 )\nconst y = "a";\n@endif', 'a'],
    ['@if ( T )\n@if ( F )\nconst y = 1;\n@else\nconst y = 2;\n@endif\n@else\nconst y = 3;\n@endif', '2'],
    ['@if ( F )\n@if ( T )\n@else\n@endif "\n@else\nconst y = 3;\n@endif', '3'],
    ['const v = { 1,\n@if ( F )\n2,\n@else\n3,\n@endif\n4 }; const y = cat(2 in v, 3 in v, 4 in v);', 'FTT'],
    ['@if ( 5 )\nconst y = "five";\n@endif', 'five'],
    ['@if (\n T &&\n !F )\nconst y = 1; @endif', '1'],
  ])('%j', (script, value) => expect(text(script)).toBe(value))

  test.each([
    [
      '@if ( nope )\nconst x = 1;\n@else\nconst x = 2;\n@endif\nredef z = x;',
      '1:7 unknown-name: `nope` is not known here: write its value, or a string in quotes',
    ],
    ['@if ( "a" )\n@endif', '1:7 wrong-type: the condition of `@if` is a bool'],
    ['@if ( T )', '1:1 syntax: this `@if` has no `@endif`'],
    ['@if ( F )\n@else', '1:1 syntax: this `@if` has no `@endif`'],
    ['@if ( T )\n@else', '1:1 syntax: this `@if` has no `@endif`'],
    ['@endif', '1:1 syntax: `@endif` without an `@if` before it'],
    ['@else', '1:1 syntax: `@else` without an `@if` before it'],
    ['@if ( F )\n@else\n@else\n@endif', '3:1 syntax: this `@if` has an `@else` before'],
    ['@if T\n@endif', '1:5 syntax: expected `(` behind `@if`, found `T`'],
    ['@ifdef ( 5 )\n@endif', '1:10 syntax: expected a name behind `@ifdef`, found `5`'],
    ['@prefixes += x', '1:1 unsupported-syntax: `@prefixes` is not supported'],
  ])('%j', (script, error) => expect(runText(script).errors[0]).toBe(error))
})

test('a condition inside another', () => {
  const { errors } = runText('@if ( @if ( T ) T )\n@endif')
  expect(errors).toContain('1:7 syntax: `@if` stands inside the condition of another')
})

describe('@load', () => {
  const files: Record<string, string> = {
    '/site/a.zeek': 'const a = 1;',
    '/site/sub/b.zeek': '@load ../a\nmodule B; const b = a + 1;',
    '/site/pack/__load__.zeek': '@load ./inner',
    '/site/pack/inner.bro': 'const inner = 5;',
    '/site/bare': 'const bare = 7;',
    '/site/cycle.zeek': '@load ./a.zeek\n@load ./cycle\n@load main',
    '/site/broken.zeek': 'const ok = 1;\nconst x = nope;',
    '/path/far.zeek': 'const far = 9;',
    '/path/base/utils.zeek': 'print "never read";',
    '/site/misc/own.zeek': 'const own = 3;',
    ...Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`/many/m${index}.zeek`, `@load ./m${index + 1}`]),
    ),
    '/many/m120.zeek': '',
    '/large/x.zeek': '#'.repeat(4 * 1024 * 1024),
  }
  const host = {
    searchPath: ['/path', ''],
    readFile: (path: string) => (path in files ? Buffer.from(files[path]!) : undefined),
  }
  const run = (script: string, file = '/site/main.zeek'): ReturnType<typeof runText> =>
    runText(script, { host, file })

  test.each([
    ['@load ./a\nredef y = cat(a);', '1'],
    ['@load a\n@load a.zeek\n@load ./a.bro\nredef y = cat(a);', '1'],
    ['@load sub/b\nredef y = cat(B::b);', '2'],
    ['@load pack\nredef y = cat(inner);', '5'],
    ['@load bare\nredef y = cat(bare);', '7'],
    ['@load cycle\nredef y = cat(a);', '1'],
    ['@load far\nredef y = cat(far);', '9'],
    ['@load /path/far\nredef y = cat(far);', '9'],
    ['@load misc/own\nredef y = cat(own);', '3'],
    ['module M;\n@load sub/b\nconst x = 4;\nredef ::y = cat(M::x);', '4'],
  ])('%j', (script, value) => {
    const { values, errors } = run(script)
    expect(errors).toEqual([])
    expect(values['y']).toEqual({ type: 'string', value })
  })

  test('scripts of Zeek are not looked for on the search path', () => {
    const { errors, notes } = run('@load base/utils\n@load local\n@load-sigs x\n@load-plugin A::B')
    expect(errors).toEqual([])
    expect(notes.map((note) => note.split(':')[1])).toEqual(Array.from({ length: 4 }, () => '1 load-ignored'))
    expect(notes[0]).toContain("`@load base/utils` is ignored: Zeek's own scripts are not needed here")
  })

  test('what is wrong in a loaded file carries its name', () => {
    const { errors } = run('@load broken\nredef y = ok + "a";')
    expect(errors).toEqual([
      '2:11 wrong-type: the operator `+` does not take count and string',
      '/site/broken.zeek:2:11 unknown-name: `nope` is not known here: write its value, or a string in quotes',
    ])
  })

  test.each([
    [
      '@load nowhere',
      '1:1 cannot-load: cannot do `@load nowhere`: there is no such script in `/site`, `/path`, `.`: check its name',
    ],
    [
      '@load ./nowhere',
      '1:1 cannot-load: cannot do `@load ./nowhere`: there is no such script in `/site`: check its name',
    ],
    [
      '@load /many/m0',
      '/many/m98.zeek:1:1 cannot-load: cannot do `@load ./m99`: a script loads 100 files at most, and this is one more',
    ],
    [
      '@load /large/x',
      '1:1 cannot-load: cannot do `@load /large/x`: with it there are more than 4194304 bytes to read',
    ],
    ['@load', '1:1 syntax: `@load` names no file'],
  ])('%s', (script, error) => expect(run(script).errors).toEqual([error]))
})
