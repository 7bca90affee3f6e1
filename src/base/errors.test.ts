import { expect, test } from 'vitest'
import { ClusterError, errorCode, errorMessage, unreachable } from './errors.js'

test('an error carries its code, its data and its cause', () => {
  const cause = new Error('below')
  const error = new ClusterError('no-such-node', 'there is no such node', { name: 'x' }, cause)
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name: 'ClusterError', code: 'no-such-node', data: { name: 'x' }, cause })
  expect('cause' in new ClusterError('a', 'b', undefined)).toBe(false)
})

test('the code of anything that was thrown', () => {
  expect(errorCode(new ClusterError('mine', '', undefined))).toBe('mine')
  expect(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
  for (const other of [new Error('x'), { code: 5 }, 'text', null, undefined])
    expect(errorCode(other)).toBeUndefined()
})

test('the text of anything that was thrown', () => {
  expect([new Error('x'), 'text', 5, undefined].map(errorMessage)).toEqual(['x', 'text', '5', 'undefined'])
})

test('code that cannot run names the value if it does', () => {
  expect(() => unreachable({ kind: 'new' } as never)).toThrow('unreachable: {"kind":"new"}')
})
