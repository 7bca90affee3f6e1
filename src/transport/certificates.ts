/** Certificates from files, as the options `Broker::ssl_*` name them (spec/broker-protocol.md 4.3). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import { createContext } from './tls.js'
import type { Certificates, Security } from './transport.js'

export interface CertificateFiles {
  /** PEM: the own certificate first, then its chain. */
  readonly certificate?: string
  /** PEM: the private key. */
  readonly key?: string
  /** Of an encrypted key. */
  readonly passphrase?: string
  /** PEM: trusted authorities. */
  readonly authorityFile?: string
  /** Folder with one trusted authority in each file. */
  readonly authorityFolder?: string
}

/** A file that is missing, or not what it should be. */
export class CertificateError extends ClusterError<
  'certificate-unreadable' | 'certificate-unusable',
  { readonly file: string }
> {
  override readonly name = 'CertificateError'
}

/**
 * How peerings are protected: plain, with certificates as soon as one of the files is named, else anonymous. Reads the
 * files. Throws a `CertificateError`.
 */
export function readSecurity(disableTls: boolean, files: CertificateFiles): Security {
  if (disableTls) return 'plain'
  const named = Object.values(files).some((file) => file !== undefined && file !== '')
  return named ? readCertificates(files) : 'anonymous-tls'
}

function readCertificates(files: CertificateFiles): Certificates {
  const certificate = readOptional(files.certificate)
  const key = readOptional(files.key)
  const authorities = [
    ...(files.authorityFile ? [readPem(files.authorityFile)] : []),
    ...(files.authorityFolder ? readFolder(files.authorityFolder) : []),
  ]
  const { passphrase } = files
  const certificates: Certificates = {
    authorities,
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase ? { passphrase } : {}),
  }
  try {
    createContext(certificates)
  } catch (error) {
    const file = files.key || files.certificate || files.authorityFile || files.authorityFolder || ''
    const code = errorCode(error) ?? ''
    const reason =
      code === 'ERR_OSSL_BAD_DECRYPT' && !passphrase
        ? REASONS['ERR_MISSING_PASSPHRASE']
        : (REASONS[code] ?? errorMessage(error))
    throw new CertificateError('certificate-unusable', `${file}: ${reason}`, { file }, error)
  }
  return certificates
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key does not belong to the certificate',
  ERR_OSSL_BAD_DECRYPT: 'the passphrase does not fit the key (Broker::ssl_passphrase)',
  ERR_MISSING_PASSPHRASE: 'the key is encrypted: set Broker::ssl_passphrase',
  ERR_OSSL_PEM_NO_START_LINE: 'not a PEM file',
}

function readOptional(file: string | undefined): string | undefined {
  return file === undefined || file === '' ? undefined : readPem(file)
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Links of OpenSSL's hashes point to files that are read anyway: the same authority twice does no harm. */
function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => readFileSync(join(folder, entry.name), 'utf8'))
      .filter((text) => text.includes('BEGIN CERTIFICATE') || text.includes('BEGIN TRUSTED CERTIFICATE'))
  } catch (error) {
    throw unreadable(folder, error)
  }
}

function unreadable(file: string, error: unknown): CertificateError {
  return new CertificateError('certificate-unreadable', `${file}: ${errorMessage(error)}`, { file }, error)
}
