/** Two machines on one: network namespaces with a cable between them. Needs root and the command `ip`. */
import { execFileSync } from 'node:child_process'

export interface Host {
  readonly namespace: string
  readonly host: string
  readonly device: string
}

export const NEAR: Host = { namespace: `zc-near-${process.pid}`, host: '10.199.7.1', device: 'zc0' }
export const FAR: Host = { namespace: `zc-far-${process.pid}`, host: '10.199.7.2', device: 'zc1' }

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

/** Whether this process may make network namespaces. */
export function canMakeNamespaces(): boolean {
  try {
    ip('netns', 'add', 'zc-probe')
    ip('netns', 'delete', 'zc-probe')
    return true
  } catch {
    return false
  }
}

export function connectHosts(): void {
  for (const { namespace } of [NEAR, FAR]) ip('netns', 'add', namespace)
  ip(
    'link',
    'add',
    NEAR.device,
    'netns',
    NEAR.namespace,
    'type',
    'veth',
    'peer',
    FAR.device,
    'netns',
    FAR.namespace,
  )
  for (const { namespace, host, device } of [NEAR, FAR]) {
    ip('-n', namespace, 'address', 'add', `${host}/24`, 'dev', device)
    // Usable at once: nobody else is there who could have it.
    ip('-n', namespace, 'address', 'add', `${linkLocal(host)}/64`, 'dev', device, 'nodad')
    ip('-n', namespace, 'link', 'set', device, 'up')
  }
}

/** The link-local address of a host, without a zone. */
export function linkLocal(host: string): string {
  return `fe80::${host.split('.').at(-1)}`
}

/** Routes into nowhere, as if the cable were cut. */
export function cutCable(): void {
  ip('-n', NEAR.namespace, 'route', 'add', 'blackhole', `${FAR.host}/32`)
  ip('-n', FAR.namespace, 'route', 'add', 'blackhole', `${NEAR.host}/32`)
}

export function removeHosts(): void {
  for (const { namespace } of [NEAR, FAR]) ip('netns', 'delete', namespace)
}
