/** A subject between two peers (spec/broker-protocol.md 5.2 to 5.5). */
export const FORWARDING: Readonly<Record<string, string>> = {
  'forwarding-off': `
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    connect b
    peering b high ["/in"] ["/in"]
    a< data "/in/x" "for you"
    barrier a
    barrier b
    expect message "/in/x" "for you"
  `,
  'forwarding-on': `
    # The sender is rewritten, everything else but the hops stays; never back, and only to who subscribes.
    needs forwarding hop-limit
    do subscribe "/in"
    connect a
    peering a low ["/in"] ["/in"]
    connect b
    peering b high ["/in/x"] ["/in"]
    a< data "/in/x" "for all"
    b> data "/in/x" "for all" ttl=15
    b< data "/in/y" "for low" ttl=9
    a> data "/in/y" "for low" ttl=8
    a< data "/in/y" "for nobody else"
    barrier a
    barrier b
    expect message "/in/x" "for all"
    expect message "/in/y" "for low"
    expect message "/in/y" "for nobody else"
  `,
  'forwarding-to-one': `
    needs forwarding hop-limit
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    connect b
    peering b high [] ["/in"]
    a< data "/in/x" "for high" to=high
    b> data "/in/x" "for high" to=peer ttl=15
    a< command "store/<$>/data/clone" 00 to=high
    b> command "store/<$>/data/clone" 00 to=peer ttl=15
    barrier a
    barrier b
  `,
  'forwarding-hops-end': `
    needs forwarding hop-limit
    do subscribe "/in"
    connect a
    peering a low [] ["/in"]
    connect b
    peering b high ["/in"] ["/in"]
    a< data "/in/x" "one hop" ttl=1
    a< data "/in/x" "two hops" ttl=2
    b> data "/in/x" "two hops" ttl=1
    barrier a
    barrier b
    expect message "/in/x" "one hop"
    expect message "/in/x" "two hops"
  `,
}
