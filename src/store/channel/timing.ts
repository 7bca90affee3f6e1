/** Times of a channel, in ticks of the endpoint (spec/broker-protocol.md 7.4). */
export interface ChannelTiming {
  /** Between two signs of life. */
  readonly heartbeatTicks: number
  /** Without progress before what is missing is asked for. */
  readonly nackTicks: number
  /** Without a word from the other side before it counts as gone. */
  readonly connectionTimeoutTicks: number
}

export const TICK_MS = 100

/** Broker's: heartbeat 0.5 s, nack 0.2 s, connection timeout 100 heartbeats, which is 50 s. */
export const BROKER_TIMING: ChannelTiming = {
  heartbeatTicks: 5,
  nackTicks: 2,
  connectionTimeoutTicks: 500,
}
