/** What is told of a spool, in words. */

export function unwritableText(directory: string | undefined, reason: string, fallbackBytes: number): string {
  return (
    `records for loggers cannot be kept in ${directory}: ${reason}. They stay in memory, up to ` +
    `${fallbackBytes} bytes, and are lost if this process is killed: make room there, or ` +
    'make the folder writable; writing is tried again every second'
  )
}

/** `what` is full; records of `streams` are dropped, as far as that is known. */
export function droppedText(what: string, limitBytes: number, streams: ReadonlySet<string>): string {
  const which = streams.size === 0 ? '' : ` of ${[...streams].join(', ')}`
  return (
    `${what} is full (${limitBytes} bytes) because loggers do not take records: records${which} are dropped, oldest ` +
    'of the lowest priority first. Start a logger, or give the spool more room'
  )
}

export function goneText(logger: string, run: string, records: number): string {
  return (
    `${logger} is given up: ${records} records of run ${run} that it did not confirm are counted as dropped. It may ` +
    'have stored them'
  )
}
