/** Handshakes that end without a peering (spec/broker-protocol.md 3.5 to 3.8, 12). */
export const REFUSALS: Readonly<Record<string, string>> = {
  'version-min-99': `
    connect
    > probe
    < hello low min=99 max=99
    > drop-conn self 2 "unsupported versions offered"
    > closed
  `,
  'version-max-0': `
    connect
    > probe
    < hello high min=0 max=0
    > drop-conn self 2 "unsupported versions offered"
    > closed
  `,
  'version-select-2': `
    connect
    > probe
    < hello low
    > hello self
    < version-select low version=2
    > drop-conn self 2 "unsupported version selected"
    > closed
  `,
  'version-select-2-from-listener': `
    do dial
    accept
    > hello self
    < probe
    < version-select low version=2
    > drop-conn self 2 "unsupported version selected"
    > closed
    expect peer_unavailable
  `,
  'wrong-magic-in-hello': `
    connect
    > probe
    < hex 00000017064b45455a000000000000400080000000000000010101
    > drop-conn self 38 "wrong magic number"
    > closed
  `,
  'wrong-magic-in-probe': `
    do dial
    accept
    > hello self
    < hex 00000005074b45455a
    > drop-conn self 38 "wrong magic number"
    > closed
    expect peer_unavailable
  `,
  'wrong-magic-in-version-select': `
    connect
    > probe
    < hello low
    > hello self
    < hex 00000016084b45455a0000000000004000800000000000000101
    > drop-conn self 38 "wrong magic number"
    > closed
  `,
  'unknown-tag': `
    connect
    > probe
    < hex 0000000720616263646566
    > drop-conn self 20 "invalid message type tag"
    > closed
  `,
  'tag-of-an-envelope': `
    connect
    > probe
    < hex 0000000105
    > drop-conn self 20 "invalid message type tag"
    > closed
  `,
  'short-hello': `
    connect
    > probe
    < hex 00000003065a45
    > drop-conn self 20 "failed to parse hello_msg"
    > closed
  `,
  'short-version-select': `
    connect
    > probe
    < hello low
    > hello self
    < hex 00000006085a45454b00
    > drop-conn self 20 "failed to parse version_select_msg"
    > closed
  `,
  'short-originator-syn': `
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < hex 000000050a05036162
    > drop-conn self 20 "failed to parse v1::originator_syn_msg"
    > closed
  `,
  'short-responder-syn-ack': `
    connect
    > probe
    < hello high
    > version-select self
    > originator-syn []
    < hex 000000010b
    > drop-conn self 20 "failed to parse v1::responder_syn_ack_msg"
    > closed
  `,
  'drop-conn-with-unnamed-code': `
    connect
    > probe
    < hex 0000001a095a45454b00000000000040008000000000000001290378797a
    > drop-conn self 1 "xyz"
    > closed
  `,
  'empty-frame': `
    connect
    > probe
    < hex 00000000
    > closed
  `,
  'syn-before-hello': `
    connect
    > probe
    < originator-syn []
    > closed
  `,
  'hello-twice': `
    connect
    > probe
    < hello low
    > hello self
    < hello low
    > closed
  `,
  'drop-conn-behind-syn': `
    # Not looked at any more: closed without a word.
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < originator-syn []
    > responder-syn-ack []
    < drop-conn low 39 "redundant connection"
    > closed
  `,
  'envelope-instead-of-ack': `
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < originator-syn []
    > responder-syn-ack []
    < probe
    > closed
  `,
  'drop-conn-at-once': `
    connect
    > probe
    < drop-conn low 28 "shutting down"
    > closed
  `,
  'drop-conn-39-from-unknown-peer': `
    # Redundant with what? The attempt has failed.
    do dial
    accept
    > hello self
    < probe
    < drop-conn low 39 "redundant connection"
    > closed
    expect peer_unavailable
  `,
  'drop-conn-39-from-known-peer': `
    # The attempt counts as successful: no error, no other attempt.
    connect a
    peering a low [] []
    do dial retry=1000
    accept b
    b> hello self
    b< probe
    b< drop-conn low 39 "redundant connection"
    b> closed
    barrier a
    expect endpoint_discovered low
    expect peer_added low
  `,
  'drop-conn-28-is-retried': `
    do dial retry=1000
    accept a
    a> hello self
    a< drop-conn low 28 "shutting down"
    a> closed
    expect peer_unavailable
    accept b after=900
    peering b low [] []
    expect endpoint_discovered low
    expect peer_added low
  `,
  'nil-id': `
    needs hardening
    connect
    > probe
    < hello nil
    > drop-conn self 3
    > closed
  `,
  'nil-id-selects-version': `
    needs hardening
    connect
    > probe
    < hello low
    > hello self
    < version-select nil
    > drop-conn self 3
    > closed
  `,
  'own-id': `
    needs hardening
    connect a
    a> probe
    a< hello low
    a> hello self
    close a
    a> closed
    connect b
    b> probe
    b< hello self
    b> drop-conn self 3
    b> closed
  `,
  'silent-connector': `
    needs hardening
    connect
    > probe
    > closed after=5000
  `,
  'silent-listener': `
    needs hardening
    do dial
    accept
    > hello self
    > closed after=5000
    expect peer_unavailable
  `,
  'silent-in-the-middle': `
    needs hardening
    connect a
    a> probe
    a< hello low
    a> hello self
    a< version-select low
    a< originator-syn []
    a> responder-syn-ack []
    a> closed after=5000
    # The id is free again.
    connect b
    peering b low [] []
  `,
  'huge-frame-in-handshake': `
    needs hardening
    connect
    > probe
    < hex 7fffffff06
    > closed
  `,
  garbage: `
    needs hardening
    connect
    > probe
    < hex 474554202f20485454502f312e310d0a0d0a
    > closed
  `,
}
