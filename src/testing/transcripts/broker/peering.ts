/** Handshakes that lead to a peering, and those that find one (spec/broker-protocol.md 3.3 to 3.8). */
export const PEERING: Readonly<Record<string, string>> = {
  'connector-smaller-id': `
    # Case A: the script connects and is the originator.
    do subscribe "/in"
    connect
    > probe
    < hello low
    > hello self
    < version-select low
    < originator-syn ["/out"]
    > responder-syn-ack ["/in"]
    < originator-ack
    < data "/in/x" "hello"
    barrier
    expect endpoint_discovered low
    expect peer_added low
    expect message "/in/x" "hello"
    do publish "/out/y" "world"
    > data "/out/y" "world"
    barrier
  `,
  'connector-larger-id': `
    # Case B: the script connects, the subject is the originator.
    do subscribe "/in"
    connect
    > probe
    < hello high
    > version-select self
    > originator-syn ["/in"]
    < responder-syn-ack ["/out"]
    > originator-ack
    barrier
    expect endpoint_discovered high
    expect peer_added high
    do publish "/out/y" "world"
    > data "/out/y" "world"
    < data "/in/x" "hello"
    barrier
    expect message "/in/x" "hello"
  `,
  'listener-smaller-id': `
    do subscribe "/in"
    do dial
    accept
    > hello self
    < probe
    < version-select low
    < originator-syn ["/out"]
    > responder-syn-ack ["/in"]
    < originator-ack
    barrier
    do publish "/out/y" "world"
    > data "/out/y" "world"
    < data "/in/x" "hello"
    barrier
    expect message "/in/x" "hello"
  `,
  'listener-larger-id': `
    do subscribe "/in"
    do dial
    accept
    > hello self
    < probe
    < hello high
    > version-select self
    > originator-syn ["/in"]
    < responder-syn-ack ["/out"]
    > originator-ack
    barrier
    do publish "/out/y" "world"
    > data "/out/y" "world"
    < data "/in/x" "hello"
    barrier
    expect message "/in/x" "hello"
  `,
  'listener-without-probe': `
    do subscribe "/in"
    do dial
    accept
    > hello self
    < hello high
    > version-select self
    > originator-syn ["/in"]
    < responder-syn-ack []
    > originator-ack
    barrier
  `,
  'connector-probes-too': `
    do subscribe "/in"
    connect
    > probe
    < probe
    < hello low
    > hello self
    < probe
    < version-select low
    < originator-syn []
    > responder-syn-ack ["/in"]
    < originator-ack
    barrier
  `,
  'bytes-behind-the-fields': `
    # They are ignored, and a range of versions that contains 1 is accepted.
    do subscribe "/in"
    connect
    > probe
    < hex 0000001a065a45454bffffffffffff4fffbfffffffffffff0100ffaabbcc
    > version-select self
    > originator-syn ["/in"]
    < hex 000000030b00ff
    > originator-ack
  `,
  'pipelined-handshake': `
    # The originator sends everything in one piece, the first message included.
    do subscribe "/in"
    connect
    > probe
    hold
    < hello low
    < version-select low
    < originator-syn ["/out"]
    < originator-ack
    < data "/in/x" "hello"
    flush
    > hello self
    > responder-syn-ack ["/in"]
    barrier
    expect message "/in/x" "hello"
  `,
  'byte-by-byte': `
    do subscribe "/in"
    connect
    chunks 1
    peering low ["/out"] ["/in"]
    < data "/in/x" "hello"
    barrier
    expect message "/in/x" "hello"
  `,
  'redundant-for-originator': `
    # The subject is the originator and has a peering: 39.
    do subscribe "/in"
    connect a
    peering a high ["/out"] ["/in"]
    connect b
    b> probe
    b< hello high
    b> drop-conn self 39 "redundant connection"
    b> closed
    do publish "/out/y" "still here"
    a> data "/out/y" "still here"
    barrier a
    expect endpoint_discovered high
    expect peer_added high
  `,
  'redundant-for-responder': `
    # The subject is the responder and has a peering: 40.
    do subscribe "/in"
    connect a
    peering a low ["/out"] ["/in"]
    connect b
    b> probe
    b< hello low
    b> hello self
    b< version-select low
    b> drop-conn self 40 "detected redundant connection at the responder"
    b> closed
    do publish "/out/y" "still here"
    a> data "/out/y" "still here"
    barrier a
    expect endpoint_discovered low
    expect peer_added low
  `,
  'redundant-for-responder-in-flight': `
    do subscribe "/in"
    connect a
    a> probe
    a< hello low
    a> hello self
    a< version-select low
    connect b
    b> probe
    b< hello low
    b> hello self
    b< version-select low
    b> drop-conn self 40 "detected redundant connection at the responder"
    b> closed
    a< originator-syn []
    a> responder-syn-ack ["/in"]
    a< originator-ack
    barrier a
  `,
  'paused-then-redundant': `
    # The subject is the originator; nothing is said on the second connection until the first is decided.
    do subscribe "/in"
    connect a
    a> probe
    a< hello high
    a> version-select self
    a> originator-syn ["/in"]
    connect b
    b> probe
    b< hello high
    a< responder-syn-ack []
    a> originator-ack
    b> drop-conn self 39 "redundant connection"
    b> closed
    barrier a
    expect endpoint_discovered high
    expect peer_added high
  `,
  'paused-then-rival-fails': `
    # Broker forgets the second connection then; a good implementation goes on with it.
    needs hardening
    do subscribe "/in"
    connect a
    a> probe
    a< hello high
    a> version-select self
    a> originator-syn ["/in"]
    connect b
    b> probe
    b< hello high
    reset a
    b> version-select self
    b> originator-syn ["/in"]
    b< responder-syn-ack []
    b> originator-ack
    barrier b
    expect endpoint_discovered high
    expect peer_added high
  `,
  'simultaneous-connect-subject-is-originator': `
    # Both connect. The subject gives up its own attempt when the script's connection is further.
    do subscribe "/in"
    do dial retry=1000
    accept a
    a> hello self
    connect b
    b> probe
    b< hello high
    b> version-select self
    b> originator-syn ["/in"]
    a< probe
    a< hello high
    b< responder-syn-ack ["/out"]
    b> originator-ack
    a> drop-conn self 39 "redundant connection"
    a> closed
    barrier b
    expect endpoint_discovered high
    expect peer_added high
    # The peering is what the subject dials for: its loss is answered at once.
    reset b
    expect peer_lost high
    expect endpoint_unreachable high
    accept c
    peering c high ["/out"] ["/in"]
    expect endpoint_discovered high
    expect peer_added high
  `,
  'simultaneous-connect-script-is-originator': `
    # The script refuses the second connection with 39; for the subject that is a success.
    do subscribe "/in"
    connect b
    do dial retry=1000
    accept a
    a> hello self
    b> probe
    b< hello low
    b> hello self
    b< version-select low
    b< originator-syn ["/out"]
    b> responder-syn-ack ["/in"]
    b< originator-ack
    barrier b
    a< drop-conn low 39 "redundant connection"
    a> closed
    expect endpoint_discovered low
    expect peer_added low
    reset b
    expect peer_lost low
    expect endpoint_unreachable low
    accept c
    peering c low ["/out"] ["/in"]
    expect endpoint_discovered low
    expect peer_added low
  `,
  'two-peers': `
    do subscribe "/in"
    connect a
    peering a low ["/out/a"] ["/in"]
    connect b
    peering b high ["/out/b"] ["/in"]
    do publish "/out/a/1" "for a"
    do publish "/out/b/1" "for b"
    do publish "/out/1" "for nobody"
    a> data "/out/a/1" "for a"
    b> data "/out/b/1" "for b"
    barrier a
    barrier b
  `,
}
