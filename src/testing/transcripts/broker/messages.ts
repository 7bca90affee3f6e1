/** What travels between peers: data, subscriptions, pings (spec/broker-protocol.md 2 and 5). */
export const MESSAGES: Readonly<Record<string, string>> = {
  'many-in-one-piece': `
    do subscribe "/in"
    connect
    peering high ["/out"] ["/in"]
    hold
    < data "/in/1" "one"
    < data "/in/1" "two"
    < data "/in/1" "three"
    < data "/in/2" "four"
    < ping "in between"
    < data "/in/1" "five"
    flush
    > pong "in between"
    barrier
    expect message "/in/1" "one"
    expect message "/in/1" "two"
    expect message "/in/1" "three"
    expect message "/in/2" "four"
    expect message "/in/1" "five"
  `,
  'in-pieces-of-7-bytes': `
    do subscribe "/in"
    connect
    chunks 7
    peering low ["/out"] ["/in"]
    < data "/in/1" "one"
    < data "/in/2" "two"
    < routing-update ["/other"]
    barrier
    expect message "/in/1" "one"
    expect message "/in/2" "two"
  `,
  'large-messages': `
    do subscribe "/in"
    connect
    peering low ["/out"] ["/in"]
    < data "/in/1" "x" repeat=300000
    do publish "/out/1" "y" repeat=300000
    > data "/out/1" "y" repeat=300000
    barrier
    expect message "/in/1" "x" repeat=300000
  `,
  'order-is-kept': `
    do subscribe "/in"
    connect
    peering low ["/out"] ["/in"]
    do publish "/out/a" "1"
    do publish "/out/b" "2"
    do publish "/out/a" "3"
    > data "/out/a" "1"
    > data "/out/b" "2"
    > data "/out/a" "3"
    barrier
  `,
  'prefixes-are-bytes': `
    # A slash means nothing, and the empty prefix is everybody's.
    do subscribe "/in"
    connect a
    peering a low ["/out/f"] ["/in"]
    connect b
    peering b high [""] ["/in"]
    do publish "/out/foo" "1"
    do publish "/out" "2"
    a> data "/out/foo" "1"
    b> data "/out/foo" "1"
    b> data "/out" "2"
    barrier a
    barrier b
  `,
  'own-publications-stay-away': `
    # What the subject publishes it does not deliver to itself.
    do subscribe "/in"
    connect
    peering low ["/in"] ["/in"]
    do publish "/in/x" "to others"
    > data "/in/x" "to others"
    barrier
  `,
  'addressed-to-the-subject': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "/in/x" "to you" to=self
    barrier
    expect message "/in/x" "to you"
  `,
  'addressed-to-one-peer': `
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    connect b
    peering b high ["/out"] ["/in"]
    do send low "/out/x" "only low"
    a> data "/out/x" "only low" to=peer
    barrier a
    barrier b
  `,
  'addressed-to-a-third': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "/in/x" "not for you" to=low7
    barrier
  `,
  'sender-forged': `
    # As nobody, and as the subject itself, whose messages are not delivered to it.
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "/in/x" "from nobody" from=nil
    < data "/in/x" "from you" from=self
    < data "/in/x" "from me"
    barrier
    expect message "/in/x" "from me"
  `,
  'sender-is-another': `
    needs hardening
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "/in/x" "from another" from=low7
    barrier
  `,
  'local-topics-are-refused': `
    needs hardening
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "<$>/local/data/statuses" "injected"
    < data "<$>/local/data/errors" "injected"
    barrier
  `,
  'local-topics-are-not-announced': `
    do subscribe "/in"
    do subscribe "<$>/local/data/statuses"
    connect
    peering low [] ["/in"]
    do subscribe "<$>/local/data/errors"
    barrier
  `,
  'unknown-commands-are-ignored': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < command "store/<$>/data/master" 00
    < data "/in/x" "behind it"
    barrier
    expect message "/in/x" "behind it"
  `,
  'malformed-envelopes': `
    # Dropped one by one: the connection stays.
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    # Shorter than a header; an unknown type; a handshake type; a topic longer than the frame.
    < hex 0000000400000000
    < hex 00000029000000000000400080000000000000010000000000000000000000000000000063001000032f696e00
    < hex 00000029000000000000400080000000000000010000000000000000000000000000000006001000032f696e00
    < hex 0000002900000000000040008000000000000001000000000000000000000000000000000100101fff2f696e00
    < data "/in/x" "behind them"
    barrier
    expect message "/in/x" "behind them"
  `,
  'malformed-routing-update': `
    # Broker ends the connection.
    needs hardening
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < hex 0000002a00000000000040008000000000000001000000000000000000000000000000000300100003 3c243e 0541
    < data "/in/x" "behind it"
    barrier
    expect message "/in/x" "behind it"
  `,
  'empty-frames': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < hex 00000000
    < hex 0000000000000000
    < data "/in/x" "behind them"
    barrier
    expect message "/in/x" "behind them"
  `,
  'hops-are-not-looked-at': `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < data "/in/x" "none left" ttl=0
    < data "/in/x" "many left" ttl=65535
    barrier
    expect message "/in/x" "none left"
    expect message "/in/x" "many left"
  `,
  'values-pass-unchanged': `
    # A batch of log records, an event with the network time, and values that have more than one encoding.
    do subscribe "/in"
    connect
    peering low ["/out"] ["/in"]
    < data "/in/x" 0e030200000000000000010200000000000000010e020508546573743a3a676f0e00
    < data "/in/x" 0582006869
    < data "/in/x" 0c02050162050161
    barrier
    expect message "/in/x" 0e030200000000000000010200000000000000010e020508546573743a3a676f0e00
    expect message "/in/x" 0582006869
    expect message "/in/x" 0c02050162050161
    do publish "/out/x" 0e030200000000000000010200000000000000040e020d0144010e00
    > data "/out/x" 0e030200000000000000010200000000000000040e020d0144010e00
    barrier
  `,
  'subscriptions-grow': `
    do subscribe "/in"
    connect a
    peering a low ["/out"] ["/in"]
    connect b
    peering b high ["/out"] ["/in"]
    do subscribe "/also"
    a> routing-update ["/also","/in"]
    b> routing-update ["/also","/in"]
    barrier a
    barrier b
    a< data "/also/x" "heard"
    barrier a
    expect message "/also/x" "heard"
  `,
  'subscriptions-are-minimal': `
    # Sorted, without what a shorter prefix covers; what changes nothing is not announced.
    do subscribe "/t/b"
    do subscribe "/t/a"
    connect
    peering low [] ["/t/a","/t/b"]
    do subscribe "/t/a/deeper"
    barrier
    do subscribe "/t"
    > routing-update ["/t"]
    barrier
  `,
  'subscriptions-of-the-peer-are-replaced': `
    do subscribe "/in"
    connect
    peering low ["/out/a"] ["/in"]
    < routing-update ["/out/a","/out/b"]
    barrier
    do publish "/out/b" "1"
    > data "/out/b" "1"
    < routing-update ["/out/b"]
    barrier
    do publish "/out/a" "2"
    < routing-update []
    barrier
    do publish "/out/b" "3"
    # To everyone, with a topic of its own, redundant and not sorted.
    < routing-update ["/z","/out/b","/out","/z"] to=nil topic=""
    barrier
    do publish "/out/b" "4"
    do publish "/z" "5"
    > data "/out/b" "4"
    > data "/z" "5"
    barrier
  `,
  pings: `
    do subscribe "/in"
    connect
    peering low [] ["/in"]
    < ping "PING1"
    > pong "PING1"
    < ping "" to=nil topic=""
    > pong ""
    < ping 00ff10 to=self
    > pong 00ff10
    # For somebody else.
    < ping "not for you" to=low7
    # An answer to nothing.
    < pong "unasked"
    barrier
  `,
}
