#!/usr/bin/env bash
# Makes the certificates of this folder: two authorities, nodes signed by them, one that has expired.
set -eu
cd "$(dirname "$0")"
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=$1" \
    -keyout "$1.key.pem" -out "$1.pem"
}
node() { # name, authority, further arguments of the signature
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key.pem" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -extfile <(echo subjectAltName=IP:127.0.0.1) -CA "$2.pem" -CAkey "$2.key.pem" -CAcreateserial -out "$1.pem" "${@:3}"
  rm "$1.csr"
}
authority authority
authority stranger-authority
node node authority -days 36500
node stranger stranger-authority -days 36500
node expired authority -days -1
openssl ec -in node.key.pem -aes256 -passout pass:secret -out node-encrypted.key.pem
rm -f ./*.srl authority.key.pem stranger-authority.key.pem
