declare global {
  /** Methods of Node's Buffer that its type declarations leave out. They skip the argument checks of `toString`. */
  interface Buffer {
    utf8Slice(start: number, end: number): string
    latin1Slice(start: number, end: number): string
    utf8Write(text: string, offset: number, length: number): number
    latin1Write(text: string, offset: number, length: number): number
  }

  /** In Node 20, but not in the language version that this package is checked with. */
  interface String {
    isWellFormed(): boolean
  }
}

export {}
