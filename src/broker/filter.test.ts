/** What matches a list of prefixes. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FilterMatcher, minimalFilter } from './filter.js'

// Few letters, so that prefixes meet each other and topics.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '𝕏'), maxLength: 6 })

test('a matcher agrees with looking at every prefix', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), fc.array(text), (prefixes, topics) => {
      const matcher = new FilterMatcher(prefixes)
      for (const topic of topics) {
        expect(matcher.matches(topic)).toBe(prefixes.some((prefix) => topic.startsWith(prefix)))
      }
    }),
  )
})

test('a minimal filter covers the same topics, sorted by bytes', () => {
  fc.assert(
    fc.property(fc.array(text), text, (prefixes, topic) => {
      const minimal = minimalFilter(prefixes)
      expect(minimal.some((prefix) => topic.startsWith(prefix))).toBe(
        prefixes.some((prefix) => topic.startsWith(prefix)),
      )
      expect(
        minimal.every((prefix) => minimal.every((other) => other === prefix || !prefix.startsWith(other))),
      ).toBe(true)
      expect([...minimal].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(minimal)
    }),
  )
})

test('the work for a topic does not grow with the number of prefixes', () => {
  let looks = 0
  /** A topic that counts how often it is compared with a prefix, in order or by its start. */
  const counting = (topic: string): string =>
    Object.assign(Object(topic), {
      [Symbol.toPrimitive]: () => {
        looks += 1
        return topic
      },
      startsWith: (prefix: string) => {
        looks += 1
        return topic.startsWith(prefix)
      },
    }) as string
  const prefixes = Array.from({ length: 100_000 }, (_, index) => `topic/${String(index).padStart(6, '0')}/`)
  const matcher = new FilterMatcher(prefixes)
  expect(matcher.matches('topic/099999/x')).toBe(true)
  expect(matcher.matches(counting('topic/050000/x'))).toBe(true)
  expect(looks).toBeLessThan(20)
})
