/** Handshakes that end without a peering (spec/broker-protocol.md 3.5 to 3.8, 12). */
export const REFUSALS: Readonly<Record<string, string>> = {
  'version-min-99': `
    do subscribe "/in"
    connect
    > probe
    < hello low min=99 max=99
    > drop-conn self 2 "unsupported versions offered"
    > closed
  `,
  'version-max-0': `
    do subscribe "/in"
    connect
    > probe
    < hello high min=0 max=0
    > drop-conn self 2 "unsupported versions offered"
    > closed
  `,
  'version-select-2': `
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < version-select low version=2
    > drop-conn self 2 "unsupported version selected"
    > closed
  `,
  'version-select-2-from-listener': `
    do subscribe "/in"
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
    do subscribe "/in"
    connect
    > probe
    < hex 00000017064b45455a000000000000400080000000000000010101
    > drop-conn self 38 "wrong magic number"
    > closed
  `,
  'wrong-magic-in-probe': `
    do subscribe "/in"
    do dial
    accept
    > hello self
    < hex 00000005074b45455a
    > drop-conn self 38 "wrong magic number"
    > closed
    expect peer_unavailable
  `,
  'wrong-magic-in-version-select': `
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < hex 00000016084b45455a0000000000004000800000000000000101
    > drop-conn self 38 "wrong magic number"
    > closed
  `,
  'unknown-tag': `
    do subscribe "/in"
    connect
    > probe
    < hex 0000000720616263646566
    > drop-conn self 20 "invalid message type tag"
    > closed
  `,
  'tag-of-an-envelope': `
    do subscribe "/in"
    connect
    > probe
    < hex 0000000105
    > drop-conn self 20 "invalid message type tag"
    > closed
  `,
  'short-hello': `
    do subscribe "/in"
    connect
    > probe
    < hex 00000003065a45
    > drop-conn self 20 "failed to parse hello_msg"
    > closed
  `,
  'short-version-select': `
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < hex 00000006085a45454b00
    > drop-conn self 20 "failed to parse version_select_msg"
    > closed
  `,
  'short-originator-syn': `
    do subscribe "/in"
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
    do subscribe "/in"
    connect
    > probe
    < hello high
    > version-select self
    > originator-syn ["/in"]
    < hex 000000010b
    > drop-conn self 20 "failed to parse v1::responder_syn_ack_msg"
    > closed
  `,
  'drop-conn-with-unnamed-code': `
    do subscribe "/in"
    connect
    > probe
    < hex 0000001a095a45454b00000000000040008000000000000001290378797a
    > drop-conn self 1 "xyz"
    > closed
  `,
  'empty-frame': `
    do subscribe "/in"
    connect
    > probe
    < hex 00000000
    > closed
  `,
  'syn-before-hello': `
    do subscribe "/in"
    connect
    > probe
    < originator-syn []
    > closed
  `,
  'hello-twice': `
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < hello low
    > closed
  `,
  'drop-conn-behind-syn': `
    # Not looked at any more: closed without a word.
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < originator-syn []
    > responder-syn-ack ["/in"]
    < drop-conn low 39 "redundant connection"
    > closed
  `,
  'envelope-instead-of-ack': `
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < originator-syn []
    > responder-syn-ack ["/in"]
    < probe
    > closed
  `,
  'drop-conn-at-once': `
    do subscribe "/in"
    connect
    > probe
    < drop-conn low 28 "shutting down"
    > closed
  `,
  'drop-conn-39-from-unknown-peer': `
    # Redundant with what? The attempt has failed.
    do subscribe "/in"
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
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
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
    do subscribe "/in"
    do dial retry=1000
    accept a
    a> hello self
    a< drop-conn low 28 "shutting down"
    a> closed
    expect peer_unavailable
    accept b after=900
    peering b low [] ["/in"]
    expect endpoint_discovered low
    expect peer_added low
  `,
  'nil-id': `
    needs hardening
    do subscribe "/in"
    connect
    > probe
    < hello nil
    > drop-conn self 3
    > closed
  `,
  'nil-id-selects-version': `
    needs hardening
    do subscribe "/in"
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
    do subscribe "/in"
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
    do subscribe "/in"
    connect
    > probe
    > closed after=5000
  `,
  'silent-listener': `
    needs hardening
    do subscribe "/in"
    do dial
    accept
    > hello self
    > closed after=5000
    expect peer_unavailable
  `,
  'silent-in-the-middle': `
    needs hardening
    do subscribe "/in"
    connect a
    a> probe
    a< hello low
    a> hello self
    a< version-select low
    a< originator-syn []
    a> responder-syn-ack ["/in"]
    a> closed after=5000
    # The id is free again.
    connect b
    peering b low [] ["/in"]
  `,
  'huge-frame-in-handshake': `
    needs hardening
    do subscribe "/in"
    connect
    > probe
    < hex 7fffffff06
    > closed
  `,
  garbage: `
    needs hardening
    do subscribe "/in"
    connect
    > probe
    < hex 474554202f20485454502f312e310d0a0d0a
    > closed
  `,
}
