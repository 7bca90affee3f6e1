/**
 * TLS as Broker uses it (spec/broker-protocol.md 4.2 and 4.3): anonymous without certificates, mutual with them. And
 * what the errors of a handshake mean to the one who has to mend it.
 */
import tls from 'node:tls'
import type { Certificates, Security } from './transport.js'

/**
 * TLS 1.2, anonymous ECDH on P-384. The version must be capped: anonymous suites do not exist in TLS 1.3.
 */
const ANONYMOUS: tls.SecureContextOptions = {
  ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  ecdhCurve: 'P-384',
}

function contextOptions(security: 'anonymous-tls' | Certificates): tls.SecureContextOptions {
  if (security === 'anonymous-tls') return ANONYMOUS
  const { certificate, key, passphrase, authorities } = security
  return {
    ciphers: 'HIGH:!aNULL:!MD5',
    minVersion: 'TLSv1.2',
    // Without any, nobody is trusted: the system's authorities are not Broker's.
    ca: [...authorities],
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
}

/** Makes the context once, so that unusable certificates are found at the start. Throws what OpenSSL says. */
export function createContext(security: 'anonymous-tls' | Certificates): tls.SecureContext {
  return tls.createSecureContext(contextOptions(security))
}

export function clientOptions(security: Exclude<Security, 'plain'>): tls.ConnectionOptions {
  if (security === 'anonymous-tls') return { ...ANONYMOUS, rejectUnauthorized: false }
  // Broker checks who signed a certificate, not whose name is in it.
  return { ...contextOptions(security), rejectUnauthorized: true, checkServerIdentity: () => undefined }
}

export function serverOptions(security: Exclude<Security, 'plain'>): tls.TlsOptions {
  if (security === 'anonymous-tls') return ANONYMOUS
  // Node.js would close the connection without telling anybody why: `refusalOf` is asked instead.
  return { ...contextOptions(security), requestCert: true, rejectUnauthorized: false }
}

/** Why an accepted connection must not be used, as a code; undefined when it may be. */
export function refusalOf(socket: tls.TLSSocket, security: Exclude<Security, 'plain'>): string | undefined {
  if (security === 'anonymous-tls' || socket.authorized) return undefined
  const hasCertificate = Object.keys(socket.getPeerCertificate()).length > 0
  // A code, whatever the type says.
  return hasCertificate ? String(socket.authorizationError) : 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'
}

const NOT_TLS = 'it does not speak TLS: it has Broker::disable_ssl = T, or is no Broker port'
const NO_COMMON_SUITE =
  'no common cipher: one side has certificates (Broker::ssl_certificate), the other has none'
const NOT_TRUSTED =
  'its certificate is not signed by an authority of Broker::ssl_cafile or Broker::ssl_capath'
const OURS_NOT_TRUSTED = 'it does not trust our certificate: its Broker::ssl_cafile lacks our authority'
const OURS_EXPIRED = 'our certificate (Broker::ssl_certificate) has expired'
const OURS_MISSING =
  'it wants a certificate and we have none: set Broker::ssl_certificate and Broker::ssl_keyfile'

/** Our own code: the other side ended the connection right behind the handshake, which is how Node.js refuses. */
export const CLOSED_BEHIND_HANDSHAKE = 'ERR_TLS_CLOSED_BEHIND_HANDSHAKE'

/** What a code of the runtime means. */
const MEANINGS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: 'it speaks HTTP, not TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it only has a version of TLS older than 1.2',
  ERR_SSL_NO_SHARED_CIPHER: NO_COMMON_SUITE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: NO_COMMON_SUITE,
  ERR_SSL_SSL_TLSV1_ALERT_HANDSHAKE_FAILURE: NO_COMMON_SUITE,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_COMMON_SUITE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: OURS_NOT_TRUSTED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: OURS_NOT_TRUSTED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OURS_NOT_TRUSTED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: OURS_EXPIRED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: OURS_MISSING,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'it has no certificate, and we want one (Broker::ssl_certificate)',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'no TLS handshake in time: it may have Broker::disable_ssl = T',
  [CLOSED_BEHIND_HANDSHAKE]:
    'it closed the connection right behind the TLS handshake: our certificate may be missing, expired or not signed by an authority that it trusts',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: compare the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_TRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
  CERT_UNTRUSTED: NOT_TRUSTED,
}

/** Whether the code is one of TLS. */
export function isTlsError(code: string): boolean {
  return code in MEANINGS || /^ERR_(SSL|TLS)|^EPROTO$/.test(code)
}

export function explainTlsError(code: string): string {
  return MEANINGS[code] ?? `no TLS handshake (${code}); do both sides have the same Broker::disable_ssl?`
}
