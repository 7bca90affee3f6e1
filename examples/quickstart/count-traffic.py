#!/usr/bin/env python3
"""Counts what is in a capture and prints it as JSON: what the cluster has to find, from a second, independent source.

    python3 count-traffic.py traffic.pcap > expected.json

Reads classic pcap with Ethernet frames, no VLANs, no fragments, no IPv6 extension headers: what record-traffic.sh makes.
A connection is, as Zeek counts: for TCP the 5-tuple of a SYN, for UDP a 5-tuple of either direction, for ICMP echo
the pair of addresses (its id is no part of Zeek's key). A failed target is an (address, port) that a client sent a
SYN to and that never answered one of them with SYN and ACK.
"""
import ipaddress
import json
import re
import struct
import sys

SYN, RST, ACK = 0x02, 0x04, 0x10
ECHO_REQUEST, ECHO_REPLY = {1: 8, 58: 128}, {1: 0, 58: 129}


def frames(path):
    with open(path, 'rb') as file:
        data = file.read()
    magic, = struct.unpack_from('<I', data)
    order = {0xA1B2C3D4: '<', 0xD4C3B2A1: '>'}.get(magic)
    link_type = struct.unpack_from(f'{order}I', data, 20)[0] if order else None
    if link_type != 1:
        sys.exit(f'{path}: not a classic pcap with microseconds and Ethernet')
    offset = 24
    while offset < len(data):
        seconds, microseconds, captured, length = struct.unpack_from(f'{order}IIII', data, offset)
        if captured != length:
            sys.exit(f'{path}: a packet at {offset} is cut')
        yield seconds * 1_000_000 + microseconds, data[offset + 16:offset + 16 + captured]
        offset += 16 + captured


def ip_packet(frame):
    """(protocol, source, destination, payload), or None for what is not IP."""
    ether_type = struct.unpack_from('!H', frame, 12)[0]
    if ether_type == 0x0800:
        header = (frame[14] & 15) * 4
        total, = struct.unpack_from('!H', frame, 16)
        source, destination = ipaddress.IPv4Address(frame[26:30]), ipaddress.IPv4Address(frame[30:34])
        return frame[23], str(source), str(destination), frame[14 + header:14 + total]
    if ether_type == 0x86DD:
        length, = struct.unpack_from('!H', frame, 18)
        source, destination = ipaddress.IPv6Address(frame[22:38]), ipaddress.IPv6Address(frame[38:54])
        return frame[20], str(source), str(destination), frame[54:54 + length]
    return None


def main(path):
    times, ip_packets, arp_packets = [], 0, 0
    transport_packets = {'tcp': 0, 'udp': 0, 'icmp': 0}
    tcp, udp, icmp = set(), set(), set()
    accepted, refused = set(), set()
    fetches, queries, answers, pings, pongs = 0, 0, 0, 0, 0
    for at, frame in frames(path):
        times.append(at)
        packet = ip_packet(frame)
        if packet is None:
            arp_packets += 1
            continue
        ip_packets += 1
        protocol, source, destination, payload = packet
        if protocol == 6:
            transport_packets['tcp'] += 1
            source_port, port = struct.unpack_from('!HH', payload)
            flags, body = payload[13], payload[(payload[12] >> 4) * 4:]
            there, back = (source, source_port, destination, port), (destination, port, source, source_port)
            if flags & SYN and not flags & ACK:
                tcp.add(there)
            elif flags & SYN:
                accepted.add(back)
            elif flags & RST and back in tcp and back not in accepted:
                refused.add(back)
            fetches += body.startswith(b'GET ')
        elif protocol == 17:
            transport_packets['udp'] += 1
            source_port, port = struct.unpack_from('!HH', payload)
            if (destination, port, source, source_port) not in udp:
                udp.add((source, source_port, destination, port))
            queries += port == 53
            answers += source_port == 53
        elif protocol in ECHO_REQUEST:
            transport_packets['icmp'] += 1
            if payload[0] == ECHO_REQUEST[protocol]:
                pings += 1
                icmp.add((source, destination))
            elif payload[0] == ECHO_REPLY[protocol]:
                pongs += 1
            else:
                sys.exit(f'{path}: ICMP type {payload[0]} is not counted')
        else:
            sys.exit(f'{path}: IP protocol {protocol} is not counted')

    clients = sorted({key[0] for key in tcp | udp | icmp})
    targets = {client: {key[2:] for key in tcp if key[0] == client} for client in clients}
    failed = {
        client: targets[client] - {key[2:] for key in accepted if key[0] == client} for client in clients
    }
    scanner = max(clients, key=lambda client: len(failed[client]))
    answered_by_reset = {key[2:] for key in refused if key[0] == scanner}
    return {
        'packets': len(times),
        'ipPackets': ip_packets,
        'arpPackets': arp_packets,
        'transportPackets': transport_packets,
        'firstPacketMicroseconds': times[0],
        'lastPacketMicroseconds': times[-1],
        'connections': {'tcp': len(tcp), 'udp': len(udp), 'icmp': len(icmp)},
        'httpFetches': fetches,
        'dnsQueries': queries,
        'dnsAnswers': answers,
        'pings': pings,
        'pongs': pongs,
        'scanner': scanner,
        'scanTargets': len(targets[scanner]),
        'scanTargetAddresses': len({address for address, _ in targets[scanner]}),
        'scanTargetPorts': len({port for _, port in targets[scanner]}),
        'scanTargetsFailed': len(failed[scanner]),
        'scanTargetsReset': len(answered_by_reset),
        'scanTargetsSilent': len(failed[scanner] - answered_by_reset),
        'clients': clients,
        'failedTargetsByClient': {client: len(failed[client]) for client in clients},
        'connectionsByClient': {client: sum(key[0] == client for key in [*tcp, *udp, *icmp]) for client in clients},
    }


if len(sys.argv) != 2:
    sys.exit('usage: count-traffic.py FILE.pcap')
text = json.dumps(main(sys.argv[1]), indent=2)
# Lists on one line, as the formatter of this repository wants them.
print(re.sub(r'\[[^]]*\]', lambda found: re.sub(r'\s+', ' ', found[0]).replace('[ ', '[').replace(' ]', ']'), text))
