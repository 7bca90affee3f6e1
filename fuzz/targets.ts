/** Every decoder that reads what others wrote. */
import type { Target } from './target.ts'
import { BROKER_TARGETS } from './targets/broker.ts'
import { CONVERSION_TARGETS } from './targets/conversions.ts'
import { FILE_TARGETS } from './targets/files.ts'
import { JSON_TARGETS } from './targets/json.ts'
import { LINK_TARGETS } from './targets/link.ts'
import { LOG_BATCH_TARGETS } from './targets/log-batches.ts'
import { LOG_LINE_TARGETS } from './targets/log-lines.ts'
import { MESSAGE_TARGETS } from './targets/messages.ts'
import { STORE_TARGETS } from './targets/stores.ts'
import { VALUE_TARGETS } from './targets/values.ts'

export const TARGETS: readonly Target[] = [
  ...VALUE_TARGETS,
  ...MESSAGE_TARGETS,
  ...BROKER_TARGETS,
  ...LINK_TARGETS,
  ...STORE_TARGETS,
  ...JSON_TARGETS,
  ...FILE_TARGETS,
  ...LOG_LINE_TARGETS,
  ...LOG_BATCH_TARGETS,
  ...CONVERSION_TARGETS,
]
