/** The clones that write to a master: each has a stream of actions, which is put in order here. */
import { Consumer } from './channel/consumer.js'
import type { ChannelTiming } from './channel/timing.js'
import type { Action, Body, Command } from './command.js'
import { isAction } from './command.js'
import type { Entity } from './entity.js'

/** The stream of one clone's writes. */
export interface Writer {
  readonly entity: Entity
  readonly consumer: Consumer<Action>
  /** Whether it understands our own commands. */
  readonly isOurs: boolean
  lastSeenTick: number
  /** Actions that were executed and are not safe yet. */
  unsafe: number
}

export interface WritersEffects {
  execute(action: Action, writer: Writer, seq: number): void
  /** An action is not to be had any more. */
  lost(): void
  send(body: Body, to: Entity): void
  isOurs(entity: Entity): boolean
}

const WRITERS_LIMIT = 4096

export class Writers {
  readonly #timing: ChannelTiming
  readonly #effects: WritersEffects
  readonly #writers = new Map<Entity, Writer>()
  #ticks = 0

  constructor(timing: ChannelTiming, effects: WritersEffects) {
    this.#timing = timing
    this.#effects = effects
  }

  /** What a clone says as a writer. False for what is nothing of that kind. */
  receive({ seq, sender, body }: Command): boolean {
    const writer = this.#writers.get(sender)
    if (writer !== undefined) writer.lastSeenTick = this.#ticks
    if (isAction(body)) {
      writer?.consumer.onEvent(seq, body)
      return true
    }
    switch (body.kind) {
      case 'batch':
        for (const [index, action] of body.actions.entries()) writer?.consumer.onEvent(seq + index, action)
        return true
      case 'attach-writer':
        return this.#attach(sender, body.offset)
      case 'keepalive':
        writer?.consumer.onKeepalive(body.last)
        return true
      case 'retransmit-failed':
        writer?.consumer.onRetransmitFailed(body.lost)
        return true
      default:
        return false
    }
  }

  remove(entity: Entity): void {
    this.#writers.delete(entity)
  }

  tick(): void {
    this.#ticks += 1
    for (const [entity, writer] of this.#writers) {
      writer.consumer.tick()
      if (this.#ticks - writer.lastSeenTick >= this.#timing.connectionTimeoutTicks) this.remove(entity)
    }
  }

  #attach(entity: Entity, offset: number): boolean {
    if (this.#writers.has(entity)) return true
    if (this.#writers.size >= WRITERS_LIMIT) return false
    const effects = this.#effects
    const consumer = new Consumer<Action>({
      timing: this.#timing,
      effects: {
        consume: (action, seq) => effects.execute(action, writer, seq),
        lost: () => effects.lost(),
        acknowledge: (upTo) => effects.send({ kind: 'cumulative-ack', upTo }, entity),
        nack: (missing) => effects.send({ kind: 'nack', missing }, entity),
      },
    })
    const writer: Writer = {
      entity,
      consumer,
      isOurs: effects.isOurs(entity),
      lastSeenTick: this.#ticks,
      unsafe: 0,
    }
    this.#writers.set(entity, writer)
    consumer.onHandshake(offset)
    return true
  }
}
