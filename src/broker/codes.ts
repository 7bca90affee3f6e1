/** Broker's error codes that appear in handshakes (spec/broker-protocol.md 3.12). */
export const EC = {
  unspecified: 1,
  peerIncompatible: 2,
  peerInvalid: 3,
  invalidMessage: 20,
  shuttingDown: 28,
  wrongMagicNumber: 38,
  redundantConnection: 39,
  logicError: 40,
} as const

/** Largest code that a drop_conn may carry. */
export const EC_MAX = 40
