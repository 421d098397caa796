#!/usr/bin/env python3
"""The application server of the demonstration: a proxy that stays in every dialog (RFC 3261 §16.11, without state) and writes down what it sees.

What comes to it has a Route with two values: its own, and behind it the S-CSCF's with the original dialog identifier (TS 24.229 §5.7.5). It takes
its own off and sends the request along the other, so it needs to know nothing about the network."""

import hashlib
import re
import socket
import sys


def next_hop(uri):
    host, port = re.match(r"sip:(?:[^@]*@)?([^;:>]+)(?::(\d+))?", uri).groups()
    return host, int(port or 5060)


def split(data):
    """(start line, [name, value] of each header line, body); of the lists that matter each value is a line of its own."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        is_list = name.lower() in ("via", "route", "record-route")
        for part in value.split(",") if is_list else [value]:
            headers.append([name, part.strip()])
    return start, headers, body


def join(start, headers, body):
    return "\r\n".join([start, *(f"{n}: {v}" for n, v in headers), "", ""]).encode() + body


def of(headers, name):
    return [h for h in headers if h[0].lower() == name]


def forward_request(server, address, start, headers, body):
    method, request_uri, _ = start.split(" ", 2)
    call_id = of(headers, "call-id")[0][1]
    print(f"{method} {call_id}", flush=True)
    routes = of(headers, "route")
    while routes and f"sip:{address}" in routes[0][1]:
        headers.remove(routes.pop(0))
    hops = of(headers, "max-forwards")[0]
    hops[1] = str(int(hops[1]) - 1)
    if int(hops[1]) < 0:
        return
    branch = hashlib.sha256(of(headers, "via")[0][1].encode()).hexdigest()[:16]
    headers.insert(0, ["Via", f"SIP/2.0/UDP {address};branch=z9hG4bK{branch}"])
    if method == "INVITE":
        headers.insert(1, ["Record-Route", f"<sip:{address};lr>"])
    server.sendto(join(start, headers, body), next_hop(routes[0][1].strip("<") if routes else request_uri))


def forward_response(server, start, headers, body):
    headers.remove(of(headers, "via")[0])
    via = of(headers, "via")
    if via:
        server.sendto(join(start, headers, body), next_hop("sip:" + via[0][1].split()[1]))


def main():
    port = int(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        while True:
            start, headers, body = split(server.recv(65536))
            if start.startswith("SIP/2.0"):
                forward_response(server, start, headers, body)
            else:
                forward_request(server, f"127.0.0.1:{port}", start, headers, body)


if __name__ == "__main__":
    main()
