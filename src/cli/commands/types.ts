/** `zeek-cluster types`: declarations of Zeek scripts as a module of TypeScript. */
import { readFile } from 'node:fs/promises'
import { errorCode, errorMessage } from '../../base/errors.js'
import {
  type EventDeclaration,
  formatDiagnostic,
  type RecordField,
  SCRIPT_BYTES_MAX,
  type ScriptText,
  type TypeDeclaration,
  type TypescriptModule,
  typescriptModule,
  typeText,
} from '../../zeek-script/index.js'
import { countErrors } from '../load-cluster.js'
import { CommandError, print, printRaw } from '../output.js'

interface TypesFlags {
  readonly with: readonly string[]
  readonly json?: boolean
}

/** Exit code 0 when the module was printed, however little is in it; 2 when there are errors in a script. */
export async function runTypes(files: readonly string[], flags: TypesFlags): Promise<void> {
  const own = [...new Set(files)]
  const context = [...new Set(flags.with)].filter((file) => !own.includes(file))
  const texts = await readScripts([...context, ...own])
  const module = typescriptModule(texts.slice(context.length), {
    context: texts.slice(0, context.length),
    command: ['zeek-cluster types', ...own, ...context.flatMap((file) => ['--with', file])].join(' '),
  })
  for (const diagnostic of module.diagnostics) printRaw(formatDiagnostic(diagnostic))
  if (module.text === undefined) {
    throw new CommandError(2, `${own.join(', ')}: ${countErrors(module.diagnostics)}`)
  }
  print(flags.json === true ? JSON.stringify(moduleToJson(module), undefined, 2) : module.text.trimEnd())
}

async function readScripts(files: readonly string[]): Promise<ScriptText[]> {
  const scripts: ScriptText[] = []
  let size = 0
  for (const file of files) {
    const text = await readScript(file)
    size += text.length
    if (size > SCRIPT_BYTES_MAX) {
      throw new CommandError(2, `${file}: with it there are more than ${SCRIPT_BYTES_MAX} bytes to read`)
    }
    scripts.push({ file, text })
  }
  return scripts
}

async function readScript(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'no such file' : errorMessage(error)
    throw new CommandError(2, `cannot read script ${file}: ${reason}`, error)
  }
}

function moduleToJson({ types, events }: TypescriptModule): object {
  return {
    types: types.map(({ exportName, declaration }) => typeToJson(exportName, declaration)),
    events: events.map(({ exportName, declaration }) => eventToJson(exportName, declaration)),
  }
}

function typeToJson(exportName: string, declaration: TypeDeclaration): object {
  const { kind, name, docs } = declaration
  const common = { kind, name, exportName, docs }
  switch (declaration.kind) {
    case 'record':
      return { ...common, fields: declaration.fields.map(fieldToJson) }
    case 'enum':
      return {
        ...common,
        redefinable: declaration.isRedefinable,
        names: declaration.names.map((each) => ({ name: each.name, docs: each.docs })),
      }
    case 'alias':
      return { ...common, type: typeText(declaration.type) }
  }
}

function eventToJson(exportName: string, declaration: EventDeclaration): object {
  const { name, docs, isHandledOnly, parameters } = declaration
  return {
    kind: 'event',
    name,
    exportName,
    docs,
    handledOnly: isHandledOnly,
    parameters: parameters.map(fieldToJson),
  }
}

/** A field or a parameter; a record that is declared in its place has its own fields. */
function fieldToJson({ name, type, docs, isOptional, isLogged, default: value }: RecordField): object {
  return {
    name,
    type: typeText(type),
    ...(type.kind === 'record' && { fields: type.fields.map(fieldToJson) }),
    optional: isOptional,
    default: value !== undefined,
    log: isLogged,
    docs,
  }
}
