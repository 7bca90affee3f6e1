/** TLS with certificates over real sockets: who may talk to whom, and what each side is told when it may not. */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { vectorPath } from '../../test/support/vectors.js'
import { readSecurity } from './certificates.js'
import { tcpNetwork } from './tcp.js'
import type { Listener, Security, TransportError } from './transport.js'

const file = (name: string): string => vectorPath(`tls/${name}`)

function signed(name: string, authority = 'authority'): Security {
  return readSecurity(false, {
    certificate: file(`${name}.pem`),
    key: file(`${name}.key.pem`),
    authorityFile: file(`${authority}.pem`),
  })
}

const NODE = signed('node')
const PLAIN = readSecurity(true, {})
const ANONYMOUS = readSecurity(false, {})

/** As long as a record header, as the first words of a Broker are. */
const GREETING = 'good day'

const listeners: Listener[] = []
afterEach(() => Promise.all(listeners.splice(0).map((listener) => listener.close())))

/** Connects once; `ok` when the listener's greeting arrives and the answer to it, else what each side was told. */
async function meet(connecting: Security, listening: Security): Promise<string> {
  let listenerSays = ''
  const told: string[] = []
  const listener = await tcpNetwork.listen(
    { host: '127.0.0.1', port: 0 },
    listening,
    (connection) => {
      connection.send(Buffer.from(GREETING), () => {})
      return {
        onBytes: (bytes) => {
          listenerSays += Buffer.from(bytes).toString('latin1')
          connection.end()
        },
        onClose: (error) => {
          if (error !== undefined) told.push(`listener: ${error.code}: ${reason(error)}`)
        },
      }
    },
    (_remote, error) => told.push(`listener: ${error.code}: ${reason(error)}`),
  )
  listeners.push(listener)
  const heard = await new Promise<string>((resolve) => {
    let text = ''
    tcpNetwork.connect(listener.address, connecting, 5000, {
      onOpen: (open) => open.send(Buffer.from('hello'), () => {}),
      onBytes: (bytes) => {
        text += Buffer.from(bytes).toString('latin1')
      },
      onClose: (error) => {
        if (error !== undefined) told.push(`connector: ${error.code}: ${reason(error)}`)
        resolve(text)
      },
    })
  })
  return heard === GREETING && listenerSays === 'hello' ? 'ok' : told.sort().join('\n')
}

function reason(error: TransportError): string {
  return error.message.replace(/^\S+ /, '')
}

describe('who may talk to whom', () => {
  test.each([
    ['both signed by the same authority', NODE, NODE],
    ['both anonymous', ANONYMOUS, ANONYMOUS],
    ['both plain', PLAIN, PLAIN],
  ])('%s', async (_name, connecting, listening) => {
    expect(await meet(connecting, listening)).toBe('ok')
  })

  test('a key with a passphrase, authorities in a folder', async () => {
    const encrypted = readSecurity(false, {
      certificate: file('node.pem'),
      key: file('node-encrypted.key.pem'),
      passphrase: 'secret',
      authorityFolder: vectorPath('tls'),
    })
    expect(await meet(encrypted, NODE)).toBe('ok')
    expect(await meet(NODE, encrypted)).toBe('ok')
  })

  test.each<readonly [string, Security, Security, RegExp]>([
    [
      'plain meets TLS',
      PLAIN,
      ANONYMOUS,
      /listener: tls-failed: it does not speak TLS: it has Broker::disable_ssl = T/,
    ],
    [
      'TLS meets plain',
      ANONYMOUS,
      PLAIN,
      /connector: tls-failed: it does not speak TLS: it has Broker::disable_ssl = T/,
    ],
    ['certificates meet plain', NODE, PLAIN, /connector: tls-failed: it does not speak TLS/],
    [
      'anonymous meets certificates',
      ANONYMOUS,
      NODE,
      /connector: tls-failed: no common cipher: one side has certificates.*\nlistener: tls-failed: no common cipher/,
    ],
    ['certificates meet anonymous', NODE, ANONYMOUS, /connector: tls-failed: no common cipher/],
    [
      'the connector is unknown',
      signed('stranger'),
      NODE,
      /connector: tls-failed: it closed the connection right behind.*\nlistener: tls-failed: its certificate is not signed/,
    ],
    [
      'the listener is unknown',
      NODE,
      signed('stranger'),
      /connector: tls-failed: its certificate is not signed/,
    ],
    [
      'the connector has expired',
      signed('expired'),
      NODE,
      /connector: tls-failed: it closed the connection right behind.*\nlistener: tls-failed: its certificate has expired/,
    ],
    [
      'the listener has expired',
      NODE,
      signed('expired'),
      /connector: tls-failed: its certificate has expired/,
    ],
    [
      'the connector has no certificate',
      readSecurity(false, { authorityFile: file('authority.pem') }),
      NODE,
      /connector: tls-failed: it closed the connection right behind.*\nlistener: tls-failed: it has no certificate/,
    ],
  ])('%s', async (_name, connecting, listening, expected) => {
    expect(await meet(connecting, listening)).toMatch(expected)
  })
})

describe('files', () => {
  test.each([
    [
      'missing',
      { certificate: '/nowhere/node.pem' },
      'certificate-unreadable',
      /\/nowhere\/node\.pem: ENOENT/,
    ],
    [
      'key of another certificate',
      { certificate: file('node.pem'), key: file('stranger.key.pem') },
      'certificate-unusable',
      /stranger\.key\.pem: the key does not belong to the certificate/,
    ],
    [
      'wrong passphrase',
      { certificate: file('node.pem'), key: file('node-encrypted.key.pem'), passphrase: 'wrong' },
      'certificate-unusable',
      /the passphrase does not fit/,
    ],
    [
      'no passphrase',
      { certificate: file('node.pem'), key: file('node-encrypted.key.pem') },
      'certificate-unusable',
      /is encrypted: set Broker::ssl_passphrase/,
    ],
    ['no PEM', { certificate: file('make.sh') }, 'certificate-unusable', /make\.sh: not a PEM file/],
  ])('%s', (_name, files, code, message) => {
    const read = (): Security => readSecurity(false, files)
    expect(read).toThrow(message)
    expect(read).toThrow(expect.objectContaining({ code }))
  })

  test('no error repeats the passphrase or the key', () => {
    try {
      readSecurity(false, {
        certificate: file('node.pem'),
        key: file('node-encrypted.key.pem'),
        passphrase: 'do-not-tell',
      })
    } catch (error) {
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('do-not-tell')
    }
    expect(readFileSync(file('node.key.pem'), 'utf8')).toContain('PRIVATE KEY')
  })
})

test('what does not answer in TLS at all is given up in time', async () => {
  const server = net.createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as net.AddressInfo
  const error = await new Promise<TransportError | undefined>((resolve) => {
    tcpNetwork.connect({ host: '127.0.0.1', port }, NODE, 200, { onBytes: () => {}, onClose: resolve })
  })
  expect(error?.code).toBe('connection-timeout')
  server.close()
})
