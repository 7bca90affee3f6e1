/**
 * Values as Zeek prints them: `fmt("%s", value)`, what `Control::id_value_response` carries. Sets and tables have a
 * line for each element, indented by tabs, but texts and numbers with a point are not: so Zeek does it.
 */
import { doubleText, intervalText } from '../data/zeek-text.js'
import type { RedefValue } from './redef-value.js'

/** The text of a value. */
export function printAsZeek(value: RedefValue): string {
  const output = new Output()
  print(output, value)
  return output.text
}

class Output {
  text = ''
  indent = 0

  /** Text that is indented at the start of a line. */
  add(text: string): void {
    this.text += this.text.endsWith('\n') ? '\t'.repeat(this.indent) + text : text
  }

  /** Text as it is. */
  raw(text: string): void {
    this.text += text
  }
}

function print(output: Output, value: RedefValue): void {
  switch (value.type) {
    case 'bool':
      return output.add(value.value ? 'T' : 'F')
    case 'count':
    case 'int':
    case 'enum':
    case 'addr':
    case 'subnet':
    case 'port':
      return output.add(value.value.toString())
    case 'double':
      return output.raw(doubleText(value.value))
    case 'interval':
      return output.raw(intervalText(value.value))
    case 'string':
      return output.raw(value.value)
    case 'record':
      return printList(output, [...value.value], ([name, field]) => {
        output.add(`${name}=`)
        if (field === undefined) output.add('<uninitialized>')
        else print(output, field)
      })
    case 'vector':
      return printList(output, value.value, (item) => print(output, item))
    case 'set':
      return printBlock(output, value.value, (element) => print(output, element))
    case 'table':
      return printBlock(output, value.value, ([key, element]) => {
        if (key.type === 'vector') {
          print(output, key)
        } else {
          output.add('[')
          print(output, key)
          output.add(']')
        }
        output.add(' = ')
        print(output, element)
      })
  }
}

function printList<Item>(output: Output, items: readonly Item[], printItem: (item: Item) => void): void {
  output.add('[')
  for (const [index, item] of items.entries()) {
    if (index > 0) output.add(', ')
    printItem(item)
  }
  output.add(']')
}

function printBlock<Item>(output: Output, items: readonly Item[], printItem: (item: Item) => void): void {
  output.add('{\n')
  output.indent += 1
  for (const [index, item] of items.entries()) {
    if (index > 0) output.raw(',\n')
    printItem(item)
  }
  output.raw('\n')
  output.indent -= 1
  output.add('}')
}
