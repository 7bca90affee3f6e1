#!/usr/bin/env bash
# Records traffic.pcap: real clients, real servers and a port scanner, each side in a network namespace of its own.
#
#   sudo ./record-traffic.sh [FILE]        default: traffic.pcap next to this script
#
# Needs root, iproute2, tcpdump, ethtool, curl, dig, ping and python3. Nothing leaves the two namespaces, and both
# are gone afterwards. It takes a quarter of a minute. When it is done:
#
#   python3 count-traffic.py traffic.pcap > expected.json
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
output=${1:-$here/traffic.pcap}
clients=clients-$$
servers=servers-$$
work=$(mktemp -d)
pids=() # of what runs in the background: started without a function around it, so that $! is the program itself

clean_up() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  ip netns del "$clients" 2>/dev/null || true
  ip netns del "$servers" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

on_clients() { ip netns exec "$clients" "$@"; }

# --- two namespaces and one cable -----------------------------------------------------------------------------------
ip netns add "$clients"
ip netns add "$servers"
ip link add c0 netns "$clients" address 02:00:00:77:00:01 type veth \
  peer name s0 netns "$servers" address 02:00:00:77:00:02

for side in "$clients c0" "$servers s0"; do
  read -r space link <<<"$side"
  # Without offloads the capture has what a cable would carry: packets of at most 1500 bytes, checksums filled in.
  ip netns exec "$space" ethtool -K "$link" rx off tx off gso off gro off tso off >/dev/null
  # No addresses that configure themselves: every IPv6 packet of the capture is one that is asked for below.
  ip -n "$space" link set "$link" addrgenmode none
  ip -n "$space" link set lo up
  ip -n "$space" link set "$link" up
done

for host in 11 12 13 66; do ip -n "$clients" addr add "10.77.0.$host/24" dev c0; done
for host in 1 2 3; do ip -n "$servers" addr add "10.77.0.$host/24" dev s0; done
for host in 11 12; do
  ip -n "$clients" addr add "fd77::$host/64" dev c0 nodad
  ip -n "$servers" neigh add "fd77::$host" lladdr 02:00:00:77:00:01 dev s0
done
for host in 1 2; do
  ip -n "$servers" addr add "fd77::$host/64" dev s0 nodad
  ip -n "$clients" neigh add "fd77::$host" lladdr 02:00:00:77:00:02 dev c0
done
# A target that swallows everything: packets to it arrive at the servers, and none of them has the address.
ip -n "$clients" neigh add 10.77.0.4 lladdr 02:00:00:77:00:02 dev c0
ip netns exec "$servers" sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'

# --- servers --------------------------------------------------------------------------------------------------------
mkdir "$work/www"
echo '<h1>It works</h1>' > "$work/www/index.html"
for page in 1 2 3 4; do echo "page $page" > "$work/www/page-$page.html"; done
head -c 75000 /dev/urandom | base64 > "$work/www/large.txt" # about 100 KB

cat > "$work/dns.py" <<'PYTHON'
"""Answers A and AAAA questions for host-*.quickstart.example; every other name does not exist."""
import socket, struct, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
server = socket.socket(family, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    query, client = server.recvfrom(4096)
    end = query.index(0, 12) + 5
    question = query[12:end]
    kind = struct.unpack('!H', question[-4:-2])[0]
    data = {1: socket.inet_aton('10.77.0.1'), 28: socket.inet_pton(socket.AF_INET6, 'fd77::1')}.get(kind)
    known = data is not None and question[1:].startswith(b'host-')
    answer = struct.pack('!HHHLH', 0xC00C, kind, 1, 60, len(data)) + data if known else b''
    flags = 0x8580 if known else 0x8583
    server.sendto(query[:2] + struct.pack('!HHHHH', flags, 1, int(known), 0, 0) + question + answer, client)
PYTHON

for address in 10.77.0.1 fd77::1; do
  ip netns exec "$servers" python3 -m http.server 80 --bind "$address" --directory "$work/www" >/dev/null 2>&1 &
  pids+=($!)
done
for address in 10.77.0.2 fd77::2; do
  ip netns exec "$servers" python3 "$work/dns.py" "$address" &
  pids+=($!)
done
sleep 3 # servers start, and the kernel stops announcing its multicast groups

# --- capture --------------------------------------------------------------------------------------------------------
ip netns exec "$clients" tcpdump -i c0 -s 0 --immediate-mode -Z root -w "$work/traffic.pcap" 2>"$work/tcpdump.txt" &
capture=$!
pids+=("$capture")
until grep -q 'listening on' "$work/tcpdump.txt"; do sleep 0.1; done

# --- traffic --------------------------------------------------------------------------------------------------------
fetch() { on_clients curl -s -o /dev/null --max-time 5 --interface "$1" "$2" || true; }
ask() { on_clients dig +tries=1 +timeout=2 +noall -b "$1" "@$2" "$3" "$4" || true; }

cat > "$work/scan.py" <<'PYTHON'
"""Tries 40 ports on each of three addresses, one after the other, as a simple connect scanner does."""
import socket, time
PORTS = [21, 22, 23, 25, 79, 80, 81, 88, 110, 111, 113, 119, 135, 139, 143, 389, 443, 445, 465, 514,
         587, 631, 993, 995, 1080, 1433, 1521, 1723, 2049, 3128, 3306, 3389, 5060, 5432, 5900, 6379, 8000, 8080, 8443, 9200]
for address in ['10.77.0.1', '10.77.0.2', '10.77.0.4']:
    for port in PORTS:
        with socket.socket() as probe:
            probe.settimeout(0.05)
            probe.bind(('10.77.0.66', 0))
            try:
                probe.connect((address, port))
            except OSError:
                pass
        time.sleep(0.02)
PYTHON

on_clients ping -q -c 5 -i 0.5 -I 10.77.0.11 10.77.0.1 >/dev/null &
ping4=$!
on_clients ping -q -c 4 -i 0.5 -I fd77::11 fd77::1 >/dev/null &
ping6=$!
for number in 1 2 3 4; do
  ask 10.77.0.11 10.77.0.2 "host-$number.quickstart.example" A
  ask 10.77.0.12 10.77.0.2 "host-$number.quickstart.example" AAAA
  ask fd77::11 fd77::2 "host-$number.quickstart.example" A
  fetch 10.77.0.11 "http://10.77.0.1/page-$number.html"
  fetch 10.77.0.12 "http://10.77.0.1/"
  fetch fd77::11 "http://[fd77::1]/page-$number.html"
  sleep 0.5
done
wait "$ping4" "$ping6"

on_clients python3 "$work/scan.py" &
scan=$!
for number in 1 2 3; do
  ask 10.77.0.13 10.77.0.2 "host-$number.quickstart.example" A
  ask fd77::12 fd77::2 "host-$number.quickstart.example" AAAA
  fetch 10.77.0.13 http://10.77.0.1/large.txt
  sleep 1
done
fetch fd77::12 'http://[fd77::1]/large.txt'
fetch fd77::12 'http://[fd77::1]/large.txt'
wait "$scan"

# What goes wrong for honest clients too: a name and a page that do not exist, services that are not there.
ask 10.77.0.13 10.77.0.2 missing.quickstart.example A
fetch 10.77.0.13 http://10.77.0.1/missing.html
for port in 8080 8081 8082; do fetch 10.77.0.13 "http://10.77.0.3:$port/"; done
on_clients ping -q -c 3 -i 0.5 -I 10.77.0.12 10.77.0.2 >/dev/null
on_clients ping -q -c 3 -i 0.5 -I fd77::12 fd77::2 >/dev/null

sleep 2
kill "$capture"
wait "$capture" || true
cp "$work/traffic.pcap" "$output"
cat "$work/tcpdump.txt"
