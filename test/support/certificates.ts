/** Certificates for tests, made by the `openssl` of the machine. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  /** Signed the two others. */
  readonly authority: Certificate
  /** For 127.0.0.1. */
  readonly server: Certificate
  readonly client: Certificate
}

/** Undefined where there is no `openssl`. */
export function makeCertificates(): Certificates | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  }
  const read = (name: string): Certificate => ({
    cert: readFileSync(join(folder, `${name}.pem`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority')
    writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1')
    for (const name of ['server', 'client']) {
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
      const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing)
    }
    return { authority: read('ca'), server: read('server'), client: read('client') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
