/** The log files of a node: which writers there are, when files are rotated, where they go. */
import { join } from 'node:path'
import type { Reporter } from '../base/report.js'
import { eligibleNodes } from '../cluster/pools.js'
import type { Layout, LayoutNode } from '../layout/layout.js'
import type { NodeType } from '../layout/node-type.js'
import { LogStore } from '../logging/files/log-store.js'
import { Archive } from '../logging/rotation/archive.js'
import { Rotation } from '../logging/rotation/rotation.js'
import { parseBaseTime } from '../logging/rotation/rotation-times.js'
import type { AsciiOptions, JsonEscapePolicy, JsonTimestamps } from '../logging/writers/ascii-options.js'
import { asciiWriter } from '../logging/writers/ascii-writer.js'
import { noneWriter } from '../logging/writers/none-writer.js'
import { sqliteWriter } from '../logging/writers/sqlite-writer.js'
import type { Options } from '../options/registry.js'
import type { Platform } from './platform.js'

export interface NodeLoggingSettings {
  readonly node: LayoutNode
  readonly layout: Layout
  readonly options: Options
  readonly platform: Platform
  /** Folder of the log files. */
  readonly logDirectory: string
  /** Folder of what this node keeps for later. */
  readonly spoolDirectory: string
  /** Folder that has a folder with rotated logs for each day. */
  readonly archiveDirectory: string
  /** Files keep their names: they are not rotated. */
  readonly keepPlainNames: boolean
  /** Where files of earlier runs are moved to. */
  readonly setAsideDirectory: string | undefined
  readonly reporter: Reporter
}

export interface NodeLogging {
  readonly openLogStore: () => LogStore
  readonly onRotationInterval: (path: string, writer: string, seconds: number) => void
}

const HOUR_MS = 3_600_000

export function nodeLogging(settings: NodeLoggingSettings): NodeLogging {
  const { node, options, platform, logDirectory, spoolDirectory, reporter } = settings
  const { disk, clock, timers } = platform
  const onProblem = (code: string, message: string): void => reporter({ severity: 'warning', code, message })
  const rotation = settings.keepPlainNames ? undefined : rotationOf(settings, onProblem)
  return {
    onRotationInterval: (path, writer, seconds) => rotation?.rotateEvery(path, writer, seconds * 1000),
    openLogStore() {
      const store = new LogStore({
        directory: logDirectory,
        journalDirectory: join(spoolDirectory, 'stored'),
        node: node.name,
        disk,
        clock,
        timers,
        writers: [
          asciiWriter(disk, asciiOptions(options)),
          noneWriter(),
          sqliteWriter({
            setSeparator: options.sqliteSetSeparator,
            emptyField: options.sqliteEmptyField,
            unsetField: options.sqliteUnsetField,
          }),
        ],
        rotation,
        survivesPowerLoss: options.logSurvivesPowerLoss,
        memoryBytes: Number(options.logMemoryBytes),
        beforeFirst: () => setAside(settings),
        onProblem,
      })
      void store.ready.then(() => rotation?.resume(logDirectory)).catch(() => {})
      return store
    },
  }
}

/** Moves what is in the log folder away. */
async function setAside({
  platform,
  logDirectory,
  setAsideDirectory,
  node,
}: NodeLoggingSettings): Promise<void> {
  if (setAsideDirectory === undefined) return
  const { disk } = platform
  const folder = join(setAsideDirectory, node.name)
  for (const name of await disk.list(logDirectory)) {
    await disk.makeDirectory(folder)
    await disk.rename(join(logDirectory, name), join(folder, name))
  }
}

function rotationOf(
  settings: NodeLoggingSettings,
  onProblem: (code: string, message: string) => void,
): Rotation {
  const { node, layout, options, platform } = settings
  const { disk, clock, runCommand } = platform
  const byType = rotationOfType(node.nodeType, options.managerIsLogger)
  const interval = options.defaultRotationInterval
  const command = options.defaultRotationPostprocessorCmd
  const baseMs = parseBaseTime(options.logRotateBaseTime)
  if (baseMs === undefined) {
    const message = `log_rotate_base_time is '${options.logRotateBaseTime}', not HH:MM: midnight is taken`
    onProblem('invalid-rotation-time', message)
  }
  const loggers = eligibleNodes(layout, 'LOGGER', options.managerIsLogger)
  return new Rotation({
    disk,
    clock,
    intervalMs: interval < 0 ? byType.intervalMs : interval * 1000,
    baseMs: baseMs ?? 0,
    sizeBytes: Number(options.logRotationBytes),
    directory: options.defaultRotationDir,
    postprocessor: command === 'by-node-type' ? byType.command : command,
    archive: new Archive({
      disk,
      clock,
      directory: settings.archiveDirectory,
      logger: loggers.length > 1 ? node.name : '',
      keepMs: options.logRetentionInterval * 1000,
      keepBytes: Number(options.logRetentionBytes),
    }),
    runCommand,
    onProblem,
  })
}

/** What the scripts of a node's type set (spec/cluster-framework.md 2.4). */
function rotationOfType(
  nodeType: NodeType,
  managerIsLogger: boolean,
): { readonly intervalMs: number; readonly command: string } {
  const asLogger = { intervalMs: HOUR_MS, command: 'archive-log' }
  const asOther = { intervalMs: 24 * HOUR_MS, command: 'delete-log' }
  switch (nodeType) {
    case 'LOGGER':
      return asLogger
    case 'MANAGER':
      return managerIsLogger ? asLogger : asOther
    case 'PROXY':
    case 'WORKER':
      return asOther
    case 'CONTROL':
    case 'TIME_MACHINE':
    case 'NONE':
      return { intervalMs: 0, command: '' }
  }
}

function asciiOptions(options: Options): AsciiOptions {
  return {
    outputToStdout: options.logToStdout,
    enableLeftoverLogRotation: true,
    useJson: options.logUseJson,
    enableUtf8: options.logEnableUtf8,
    jsonTimestamps: options.logJsonTimestamps as JsonTimestamps,
    jsonIncludeUnsetFields: options.logJsonIncludeUnsetFields,
    jsonStringEscapePolicy: options.logJsonStringEscapePolicy as JsonEscapePolicy,
    includeMeta: options.logIncludeMeta,
    metaPrefix: options.logMetaPrefix,
    separator: options.logSeparator,
    setSeparator: options.logSetSeparator,
    emptyField: options.logEmptyField,
    unsetField: options.logUnsetField,
    gzipLevel: Number(options.logGzipLevel),
    gzipFileExtension: options.logGzipFileExtension,
    tsv: false,
  }
}
