/** A folder belongs to one process at a time: two of the same name would deliver each other's records. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterError, errorCode } from '../base/errors.js'

/** Gives the folder back. */
export type Release = () => Promise<void>

/** Takes a folder for this process. Rejects with a `ClusterError` code `folder-in-use`, which names who has it. */
export type ClaimFolder = (folder: string) => Promise<Release>

export const claimFolder: ClaimFolder = async (folder) => {
  const own = await identityOf(process.pid)
  // Without a way to tell processes apart a file that a crash left would keep a node from starting.
  if (own === undefined) return async () => {}
  const file = join(folder, 'owner')
  const [pid, ...started] = (await readIfThere(file)).split(' ')
  const owner = `${pid} ${started.join(' ')}`
  if (pid !== '' && owner !== own && (await identityOf(Number(pid))) === owner) {
    const message = `${folder} is in use by process ${pid}: does a node of this name run already?`
    throw new ClusterError('folder-in-use', message, { folder, pid: Number(pid) })
  }
  await mkdir(folder, { recursive: true })
  await writeFile(file, own)
  return () => rm(file, { force: true })
}

/** Process id and the moment of its start, which together no other process has until the next boot. */
async function identityOf(pid: number): Promise<string | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`)
  // Behind the name, which may have spaces and brackets in it, stands the state, and the start is the 20th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const start = fields[19]
  // `Z`: it has ended, and only its parent has not looked yet.
  return start === undefined || fields[0] === 'Z' ? undefined : `${pid} ${start}`
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return ''
    throw error
  }
}
