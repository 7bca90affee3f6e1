/** Zeek's WebSocket API: a client for any server of it, and a server on any bus. */
export { connectWebSocket, type WebSocketClient, type WebSocketClientOptions } from './client.js'
export type { WebSocketError, WebSocketErrorCode, WebSocketErrorData } from './client-errors.js'
export { type EventParts, eventParts } from './event-message.js'
export {
  startWebSocketServer,
  type WebSocketServer,
  type WebSocketServerOptions,
  type WebSocketServerTls,
} from './server.js'
export type { WebSocketCounters, WebSocketEndpointInfo } from './server-client.js'
