/** How peerings end, and what becomes of them then (spec/broker-protocol.md 3.9, 3.10, 5.7). */
export const ENDINGS: Readonly<Record<string, string>> = {
  'unpeer-by-subject': `
    do subscribe "/in"
    connect
    peering low ["/out"] ["/in"]
    do publish "/out/x" "last words"
    do unpeer
    > data "/out/x" "last words"
    > goodbye
    < goodbye-answer
    > closed
    expect endpoint_discovered low
    expect peer_added low
    expect peer_removed low
    expect endpoint_unreachable low
  `,
  'unpeer-by-subject-that-dialled': `
    # Whoever leaves does not come back.
    do subscribe "/in"
    do dial retry=1000
    accept
    peering high [] ["/in"]
    do unpeer
    > goodbye
    < goodbye-answer
    > closed
    expect endpoint_discovered high
    expect peer_added high
    expect peer_removed high
    expect endpoint_unreachable high
  `,
  'unpeer-without-answer': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    do unpeer
    > goodbye
    > closed after=2900
    expect endpoint_discovered low
    expect peer_added low
    expect peer_removed low
    expect endpoint_unreachable low
  `,
  'unpeer-with-another-answer': `
    # Only the pong with the same bytes is the answer.
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    do unpeer
    > goodbye
    < pong "BYE"
    > closed after=2900
  `,
  'pings-are-answered-while-leaving': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    do unpeer
    > goodbye
    < ping "BYE too"
    > pong "BYE too"
    < goodbye-answer
    > closed
  `,
  'unpeer-by-script': `
    # To the subject a peer that leaves in order is a peer that is lost.
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < ping 4259450100000000000010
    > pong 4259450100000000000010
    close
    > closed
    expect endpoint_discovered low
    expect peer_added low
    expect peer_lost low
    expect endpoint_unreachable low
  `,
  'unpeer-of-nobody': `
    do subscribe "/in"
    connect
    > probe
    close
    > closed
    do unpeer
    expect peer_invalid
  `,
  shutdown: `
    # All peers in parallel.
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    connect b
    peering b high [] ["/in"]
    do close
    a> goodbye
    b> goodbye
    b< goodbye-answer
    b> closed
    a< goodbye-answer
    a> closed
  `,
  'loss-of-an-inbound-peer': `
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    reset a
    expect endpoint_discovered low
    expect peer_added low
    expect peer_lost low
    expect endpoint_unreachable low
    connect b
    peering b low [] ["/in"]
    expect endpoint_discovered low
    expect peer_added low
  `,
  'loss-in-the-middle-of-a-frame': `
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    a< hex 0000003000000000000040008000000000000001
    close a
    connect b
    peering b high [] ["/in"]
    barrier b
  `,
  'loss-is-dialled-at-once': `
    do subscribe "/in"
    do dial retry=5000
    accept a
    peering a high [] ["/in"]
    reset a
    accept b
    peering b high [] ["/in"]
    close b
    b> closed
    accept c
    peering c high [] ["/in"]
  `,
  'failure-is-retried-at-the-interval': `
    do subscribe "/in"
    do dial retry=2000
    accept a
    peering a high [] ["/in"]
    reset a
    accept b
    b> hello self
    reset b
    accept c after=1900
    c> hello self
    close c
    c> closed
    accept d after=1900
    peering d high [] ["/in"]
    expect endpoint_discovered high
    expect peer_added high
    expect peer_lost high
    expect endpoint_unreachable high
    expect peer_unavailable
    expect peer_unavailable
    expect endpoint_discovered high
    expect peer_added high
  `,
  'no-interval-no-retry': `
    # One peering, no more; a second dial shows that the first is over.
    do subscribe "/in"
    do dial retry=0
    accept a
    peering a high [] ["/in"]
    reset a
    expect endpoint_discovered high
    expect peer_added high
    expect peer_lost high
    expect endpoint_unreachable high
    do dial retry=0
    accept b
    peering b low [] ["/in"]
    expect endpoint_discovered low
    expect peer_added low
  `,
  'another-endpoint-after-a-loss': `
    # The other side has restarted: a new id, and the other order.
    do subscribe "/in"
    do dial retry=1000
    accept a
    peering a high ["/out"] ["/in"]
    reset a
    accept b
    peering b low ["/other"] ["/in"]
    do publish "/other/x" "hello"
    do publish "/out/x" "forgotten"
    b> data "/other/x" "hello"
    barrier b
  `,
  'disconnect-on-overflow': `
    needs disconnect-on-overflow
    do subscribe "/in"
    connect
    peering low ["/out"] ["/in"]
    pause
    do publish "/out/x" "x" repeat=1000 times=1000
    expect endpoint_discovered low
    expect peer_added low
    expect peer_removed low
    expect endpoint_unreachable low
    resume
    drain
  `,
  'huge-frame': `
    needs hardening
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < hex 7fffffff00
    > closed
    expect endpoint_discovered low
    expect peer_added low
    expect peer_lost low
    expect endpoint_unreachable low
  `,
}
