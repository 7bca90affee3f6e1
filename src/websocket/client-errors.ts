/** Why there is no connection to a WebSocket server: every failure has a code and says what to do. */
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import { transportErrorCode } from '../transport/tcp.js'
import type { TransportErrorCode } from '../transport/transport.js'
import { MESSAGES_PATH } from './messages.js'

export type WebSocketErrorCode =
  | TransportErrorCode
  /** Not the URL of a WebSocket. */
  | 'invalid-url'
  /** TLS works, but one side does not trust the certificate of the other. */
  | 'certificate-refused'
  /** Something answers, but not as a WebSocket server. */
  | 'not-websocket'
  /** The server answered with an error message: `data.refusal`. */
  | 'refused-by-server'
  /** The server closed the connection before the acknowledgement: `data.closeCode`. */
  | 'closed-by-server'
  /** Connected, but no acknowledgement came in time. */
  | 'no-acknowledgement'
  /** The caller gave up. */
  | 'aborted'

export interface WebSocketErrorData {
  readonly url: string
  readonly refusal?: { readonly code: string; readonly context: string }
  readonly closeCode?: number
  readonly httpStatus?: number
}

export type WebSocketError = ClusterError<WebSocketErrorCode, WebSocketErrorData>

export function webSocketError(
  code: WebSocketErrorCode,
  url: string,
  message: string,
  data: Omit<WebSocketErrorData, 'url'> = {},
  cause?: unknown,
): WebSocketError {
  return new ClusterError(code, `${url}: ${message}`, { url, ...data }, cause)
}

/** What went wrong on the way to an open WebSocket. */
export function connectError(url: string, error: unknown): WebSocketError {
  const foreign = errorCode(error)
  const code = connectErrorCode(error, foreign)
  return webSocketError(code, url, `${errorMessage(error)}${hint(code, url)}`, {}, error)
}

/** Codes of OpenSSL's certificate checks, and of the alert of a server that wants a certificate. */
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|LEAF|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|UNKNOWN_CA/

function connectErrorCode(error: unknown, foreign: string | undefined): WebSocketErrorCode {
  // The library has no code for an answer that is HTTP, but no WebSocket.
  if (foreign === undefined || foreign.startsWith('HPE_') || foreign.startsWith('WS_ERR'))
    return 'not-websocket'
  return CERTIFICATE.test(foreign) ? 'certificate-refused' : transportErrorCode(error)
}

function hint(code: WebSocketErrorCode, url: string): string {
  const secure = url.startsWith('wss:')
  switch (code) {
    case 'connection-refused':
      return '; nobody listens there'
    case 'certificate-refused':
      return '; give the authority that signed it as tls.ca, or a certificate of your own if the server asks for one'
    case 'tls-failed':
      return '; does the server speak TLS? without it the URL starts with ws://'
    case 'connection-reset':
    case 'not-websocket':
      return secure ? '' : '; does the server speak TLS? then the URL starts with wss://'
    default:
      return ''
  }
}

/** The first message of the server was an error. */
export function refusedByServer(url: string, refusal: { code: string; context: string }): WebSocketError {
  const path = refusal.code === 'invalid_uri' ? `; the path of the URL must be ${MESSAGES_PATH}` : ''
  return webSocketError(
    'refused-by-server',
    url,
    `the server refuses: ${refusal.context} (${refusal.code})${path}`,
    { refusal },
  )
}
