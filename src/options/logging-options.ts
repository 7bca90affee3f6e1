/** Options of the logging framework (`Log::`, `LogAscii::`, `LogSQLite::`; spec/cluster-framework.md 6), and our own. */
import { option } from './option-definition.js'

const JSON_TIMESTAMPS = ['JSON::TS_EPOCH', 'JSON::TS_MILLIS', 'JSON::TS_MILLIS_UNSIGNED', 'JSON::TS_ISO8601']
const JSON_ESCAPES = [
  'JSON::STRING_ESCAPE_POLICY_HEX',
  'JSON::STRING_ESCAPE_POLICY_PUA',
  'JSON::STRING_ESCAPE_POLICY_TSV',
]

export const LOGGING_OPTIONS = {
  /**
   * Seconds between rotations of log files; 0 is never. Negative, the default: as the type of the node has it, an hour on
   * loggers, a day on managers, proxies and workers, else never (`Log::default_rotation_interval`).
   */
  defaultRotationInterval: option({
    name: 'Log::default_rotation_interval',
    type: 'interval',
    default: () => -1,
  }),
  /** Time of day from which rotations are counted, `HH:MM` (`log_rotate_base_time`). */
  logRotateBaseTime: option({ name: 'log_rotate_base_time', type: 'string', default: () => '0:00' }),
  /** Folder for rotated files; empty: where they were written (`Log::default_rotation_dir`). */
  defaultRotationDir: option({ name: 'Log::default_rotation_dir', type: 'string', default: () => '' }),
  /**
   * What happens to rotated files: `archive-log`, `delete-log`, a command for the shell, or nothing. `by-node-type`, the
   * default: loggers archive, managers, proxies and workers delete (`Log::default_rotation_postprocessor_cmd`).
   */
  defaultRotationPostprocessorCmd: option({
    name: 'Log::default_rotation_postprocessor_cmd',
    type: 'string',
    default: () => 'by-node-type',
  }),
  /** Log files of this many bytes are rotated; 0 is no limit (`ZeekCluster::log_rotation_bytes`). */
  logRotationBytes: option({ name: 'ZeekCluster::log_rotation_bytes', type: 'count', default: () => 0n }),
  /** Archived logs that are older are deleted, seconds; 0 keeps them (`ZeekCluster::log_retention_interval`). */
  logRetentionInterval: option({
    name: 'ZeekCluster::log_retention_interval',
    type: 'interval',
    default: () => 0,
  }),
  /** The oldest archived logs are deleted while there are more bytes; 0 is no limit (`ZeekCluster::log_retention_bytes`). */
  logRetentionBytes: option({ name: 'ZeekCluster::log_retention_bytes', type: 'count', default: () => 0n }),
  /** Bytes of records that a node keeps on disk for loggers that are not there (`ZeekCluster::log_spool_bytes`). */
  logSpoolBytes: option({
    name: 'ZeekCluster::log_spool_bytes',
    type: 'count',
    default: () => 4_294_967_296n,
  }),
  /** Bytes of records that wait in a logger's memory for its disk (`ZeekCluster::log_memory_bytes`). */
  logMemoryBytes: option({
    name: 'ZeekCluster::log_memory_bytes',
    type: 'count',
    default: () => 134_217_728n,
  }),
  /**
   * A logger confirms records only when a loss of power would not lose them (`ZeekCluster::log_survives_power_loss`).
   */
  logSurvivesPowerLoss: option({
    name: 'ZeekCluster::log_survives_power_loss',
    type: 'bool',
    default: () => false,
  }),
  /** `LogAscii::output_to_stdout`. */
  logToStdout: option({ name: 'LogAscii::output_to_stdout', type: 'bool', default: () => false }),
  /** Logs are JSON, one object a line (`LogAscii::use_json`). */
  logUseJson: option({ name: 'LogAscii::use_json', type: 'bool', default: () => false }),
  /** Valid UTF-8 is not escaped in logs that are not JSON (`LogAscii::enable_utf_8`). */
  logEnableUtf8: option({ name: 'LogAscii::enable_utf_8', type: 'bool', default: () => true }),
  /** How JSON logs write times (`LogAscii::json_timestamps`). */
  logJsonTimestamps: option({
    name: 'LogAscii::json_timestamps',
    type: 'enum',
    default: () => 'JSON::TS_EPOCH',
    values: JSON_TIMESTAMPS,
  }),
  /** Columns without a value are `null` in JSON logs (`LogAscii::json_include_unset_fields`). */
  logJsonIncludeUnsetFields: option({
    name: 'LogAscii::json_include_unset_fields',
    type: 'bool',
    default: () => false,
  }),
  /** What becomes of bytes in JSON logs that are no text (`LogAscii::json_string_escape_policy`). */
  logJsonStringEscapePolicy: option({
    name: 'LogAscii::json_string_escape_policy',
    type: 'enum',
    default: () => 'JSON::STRING_ESCAPE_POLICY_HEX',
    values: JSON_ESCAPES,
  }),
  /** Log files have a header and a trailer (`LogAscii::include_meta`). */
  logIncludeMeta: option({ name: 'LogAscii::include_meta', type: 'bool', default: () => true }),
  /** Start of the lines of header and trailer (`LogAscii::meta_prefix`). */
  logMetaPrefix: option({ name: 'LogAscii::meta_prefix', type: 'string', default: () => '#' }),
  /** Between columns (`LogAscii::separator`). */
  logSeparator: option({ name: 'LogAscii::separator', type: 'string', default: () => '\t' }),
  /** Between elements of sets and vectors (`LogAscii::set_separator`). */
  logSetSeparator: option({ name: 'LogAscii::set_separator', type: 'string', default: () => ',' }),
  /** For empty sets, vectors and texts (`LogAscii::empty_field`). */
  logEmptyField: option({ name: 'LogAscii::empty_field', type: 'string', default: () => '(empty)' }),
  /** For columns without a value (`LogAscii::unset_field`). */
  logUnsetField: option({ name: 'LogAscii::unset_field', type: 'string', default: () => '-' }),
  /** Log files are compressed as they are written, levels 1 to 9; 0 is not at all (`LogAscii::gzip_level`). */
  logGzipLevel: option({ name: 'LogAscii::gzip_level', type: 'count', default: () => 0n }),
  /** Added to the names of compressed log files (`LogAscii::gzip_file_extension`). */
  logGzipFileExtension: option({
    name: 'LogAscii::gzip_file_extension',
    type: 'string',
    default: () => 'gz',
  }),
  /** Between elements of sets and vectors in SQLite (`LogSQLite::set_separator`). */
  sqliteSetSeparator: option({ name: 'LogSQLite::set_separator', type: 'string', default: () => ',' }),
  /** For empty sets and vectors in SQLite (`LogSQLite::empty_field`). */
  sqliteEmptyField: option({ name: 'LogSQLite::empty_field', type: 'string', default: () => '(empty)' }),
  /** For elements without a value in SQLite (`LogSQLite::unset_field`). */
  sqliteUnsetField: option({ name: 'LogSQLite::unset_field', type: 'string', default: () => '-' }),
} as const
