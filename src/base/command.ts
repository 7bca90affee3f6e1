import { spawn } from 'node:child_process'

/** Runs a command line of the shell with further arguments, which the shell takes as they are; resolves with its exit code. */
export type RunCommand = (command: string, args: readonly string[]) => Promise<number>

export const systemRunCommand: RunCommand = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `${command} "$@"`, 'sh', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    child.on('error', reject)
    // Ended by a signal: as shells say it.
    child.on('exit', (code) => resolve(code ?? 128))
  })
