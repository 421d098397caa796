#!/usr/bin/env python3
"""An application server that is a back-to-back user agent (TS 24.229 §5.7.4), as a peer for the tests.

It takes an INVITE that comes along a Route with two values, its own and the one behind it, and calls on along the second with
another Call-ID, another From tag and a CSeq of its own: two dialogs that know nothing of each other. Provisional and final
responses, the ACK, CANCEL and BYE are carried from one to the other; a BYE is answered at once. Strict about its dialogs:
481 for one that it does not know, 500 for a CSeq that goes back.

For every request that arrives a line `SEEN METHOD leg=caller|callee|none ...` goes to stdout, for every request that it sends a
line `SENT METHOD leg=...`, and a line `ANSWERED METHOD leg=... status=N` for each final response to one (0: none came)."""

import argparse
import heapq
import itertools
import random
import selectors
import socket
import time

from sip_text import Message, address_uri, new_branch, new_tag, parameter, uri_address

HOST = "127.0.0.1"
T1_S, T2_S = 0.5, 4.0
TIMEOUT_S = 64 * T1_S
ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE")
CARRIED = ("P-Asserted-Identity", "P-Charging-Vector", "P-Charging-Function-Addresses", "Privacy", "History-Info", "Subject",
           "Content-Type")
REASONS = {100: "Trying", 200: "OK", 403: "Forbidden", 405: "Method Not Allowed", 408: "Request Timeout", 481: "Call/Transaction Does Not Exist",
           487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable"}


def say(*words):
    print(*words, flush=True)


class Wires:
    """UDP and TCP on one port, and alarms; on_message(message, reply) for what arrives, reply(bytes) goes back the way it came."""

    def __init__(self, port, on_message):
        self.port, self.on_message = port, on_message
        self.selector = selectors.DefaultSelector()
        self.alarms, self.order = [], itertools.count()
        self.streams = {}  # (host, port) of the other side -> connection
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((HOST, port))
        self.selector.register(self.udp, selectors.EVENT_READ, self.read_datagram)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((HOST, port))
        self.listener.listen()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def read_datagram(self, _):
        data, source = self.udp.recvfrom(65536)
        message = Message.parse(data)
        if message.is_request:
            via = message.values("Via")[0]
            port = source[1] if "rport" in via else uri_address("sip:" + via.split()[1])[1]
            self.on_message(message, lambda answer: self.udp.sendto(answer, (source[0], port)))
        else:
            self.on_message(message, None)

    def accept(self, _):
        connection, source = self.listener.accept()
        self.watch(connection, source)

    def watch(self, connection, peer):
        self.streams[peer] = connection
        rest = bytearray()
        self.selector.register(connection, selectors.EVENT_READ, lambda c: self.read_stream(c, peer, rest))
        return connection

    def read_stream(self, connection, peer, rest):
        try:
            data = connection.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.selector.unregister(connection)
            connection.close()
            self.streams.pop(peer, None)
            return
        rest += data
        while b"\r\n\r\n" in rest:
            head = bytes(rest[:rest.index(b"\r\n\r\n") + 4])
            whole = len(head) + int(Message.parse(head).get("Content-Length") or 0)
            if len(rest) < whole:
                return
            message = Message.parse(bytes(rest[:whole]))
            del rest[:whole]
            self.on_message(message, connection.sendall if message.is_request else None)

    def send(self, data, uri):
        to = uri_address(uri)
        if "transport=tcp" in uri.lower():
            (self.streams.get(to) or self.watch(socket.create_connection(to), to)).sendall(data)
        else:
            self.udp.sendto(data, to)

    def after(self, seconds, what):
        heapq.heappush(self.alarms, (time.monotonic() + seconds, next(self.order), what))

    def run(self):
        while True:
            wait_s = max(0, self.alarms[0][0] - time.monotonic()) if self.alarms else None
            for key, _ in self.selector.select(wait_s):
                key.data(key.fileobj)
            while self.alarms and self.alarms[0][0] <= time.monotonic():
                heapq.heappop(self.alarms)[2]()


class ServerTransaction:
    """A request that arrived: it is answered once, and the answer is repeated as often as the request is."""

    def __init__(self, wires, request, reply):
        self.wires, self.request, self.reply = wires, request, reply
        self.last, self.is_acknowledged = None, False

    def repeat(self):
        if self.last:
            self.reply(self.last)

    def answer(self, status, more=(), body=b"", reason=None, tag=None):
        headers = self.request.copies("Via", "From", "Call-ID", "CSeq")
        to = self.request.get("To")
        headers.append(("To", to if parameter(to, "tag") or not tag else f"{to};tag={tag}"))
        self.last = Message(f"SIP/2.0 {status} {reason or REASONS[status]}", [*headers, *more], body).encode()
        self.reply(self.last)
        if self.request.method == "INVITE" and status >= 200:
            self.repeat_until_acknowledged(self.last, T1_S, 0)

    def repeat_until_acknowledged(self, final, wait_s, so_far_s):
        def again():
            if not self.is_acknowledged and so_far_s < TIMEOUT_S:
                self.reply(final)
                self.repeat_until_acknowledged(final, min(2 * wait_s, T2_S), so_far_s + wait_s)

        self.wires.after(wait_s, again)


class ClientTransaction:
    """A request that we send until it is answered; on_response(None) when it never is."""

    def __init__(self, wires, request, uri, on_response):
        self.wires, self.request, self.uri, self.on_response = wires, request, uri, on_response
        self.data, self.is_answered, self.is_final = request.encode(), False, False
        self.send(T1_S, 0)

    def send(self, wait_s, so_far_s):
        if self.is_final or self.is_answered and self.request.method == "INVITE":
            return
        if so_far_s >= TIMEOUT_S:
            self.is_final = True
            self.on_response(None)
            return
        if so_far_s == 0 or "transport=tcp" not in self.uri.lower():
            self.wires.send(self.data, self.uri)
        longest = TIMEOUT_S if self.request.method == "INVITE" else T2_S
        self.wires.after(wait_s, lambda: self.send(min(2 * wait_s, longest), so_far_s + wait_s))

    def receive(self, response):
        self.is_answered = True
        is_first_final = response.status >= 200 and not self.is_final
        self.is_final |= is_first_final
        if self.request.method == "INVITE":
            if response.status >= 300:
                self.acknowledge_refusal(response)
            if response.status < 300 or is_first_final:
                self.on_response(response)  # every 2xx, RFC 6026
        elif is_first_final:
            self.on_response(response)

    def acknowledge_refusal(self, response):
        """RFC 3261 §17.1.1.3: of the transaction, so with its branch and its Route."""
        headers = [self.request.copies("Via")[0], *self.request.copies("Route", "From", "Call-ID"), ("To", response.get("To")),
                   ("CSeq", f"{self.request.cseq} ACK"), ("Max-Forwards", "70")]
        self.wires.send(Message(f"ACK {self.request.request_uri} SIP/2.0", headers).encode(), self.uri)


class Dialog:
    """One of our two dialogs. `local` and `remote`: From or To value with tag."""

    def __init__(self, leg, call_id, local, remote, local_cseq, remote_cseq, routes, target):
        self.leg, self.call_id, self.local, self.remote = leg, call_id, local, remote
        self.local_cseq, self.remote_cseq, self.routes, self.target = local_cseq, remote_cseq, routes, target

    def key(self):
        return self.call_id, parameter(self.local, "tag"), parameter(self.remote, "tag")


class Call:
    """An INVITE and what becomes of it."""

    def __init__(self, server, invite, transaction):
        self.server, self.invite, self.incoming = server, invite, transaction
        self.tag, self.callee, self.outgoing, self.ack = new_tag(), None, None, None
        self.is_cancelled = self.has_rung = self.is_over = False
        self.caller = Dialog("caller", invite.get("Call-ID"), f"{invite.get('To')};tag={self.tag}", invite.get("From"),
                             random.randrange(1, 1000000), invite.cseq, invite.values("Record-Route"),
                             address_uri(invite.get("Contact") or ""))

    # ------------------------------------------------------------ from the caller

    def call_on(self):
        own, *onward = self.invite.values("Route") or [""]
        if not onward or not self.server.is_own(own):
            self.incoming.answer(403, tag=self.tag)
            self.is_over = True
            return
        self.incoming.answer(100)
        call_id, tag, cseq = f"{new_tag()}@{HOST}", new_tag(), random.randrange(1, 1000000)
        uri = address_uri(onward[0])
        caller = self.invite.get("From")
        caller = caller.replace(f";tag={parameter(caller, 'tag')}", "") + f";tag={tag}"
        self.half = (call_id, caller, cseq)
        headers = [("Via", self.server.via(uri)), *(("Route", r) for r in onward), ("From", caller), ("To", self.invite.get("To")),
                   ("Call-ID", call_id), ("CSeq", f"{cseq} INVITE"), ("Contact", self.server.contact),
                   ("Max-Forwards", str(int(self.invite.get("Max-Forwards") or 70) - 1)), ALLOW, *self.invite.copies(*CARRIED)]
        request = Message(f"INVITE {self.invite.request_uri} SIP/2.0", headers, self.invite.body)
        self.outgoing = self.server.send_request("callee", request, uri, self.on_response)

    def cancel(self):
        self.is_cancelled = True
        if self.has_rung and not self.outgoing.is_final:
            self.send_cancel()

    def send_cancel(self):
        """RFC 3261 §9.1: not before a provisional response, and with the branch of the INVITE."""
        invite = self.outgoing.request
        headers = [*invite.copies("Via", "Route", "From", "To", "Call-ID"), ("CSeq", f"{invite.cseq} CANCEL"), ("Max-Forwards", "70")]
        self.server.send_request("callee", Message(f"CANCEL {invite.request_uri} SIP/2.0", headers), self.outgoing.uri, None)

    def acknowledge(self, message=None):
        """The caller's ACK, with its offer or answer if it has one, is ours toward the callee; once."""
        self.incoming.is_acknowledged = True
        if self.callee and not self.ack:
            self.ack = self.server.request_in(self.callee, "ACK", message.copies("Content-Type") if message else (),
                                              message.body if message else b"")
            self.server.send_ack(self.callee, self.ack)

    # ------------------------------------------------------------ from the callee

    def on_response(self, response):
        status = response.status if response else 408
        if status == 100:
            return
        if status < 200 and not self.has_rung:
            self.has_rung = True
            if self.is_cancelled:
                self.send_cancel()
        if 200 <= status < 300:
            self.on_2xx(response)
        elif not self.callee and not self.is_over:
            self.is_over = status >= 200
            if self.is_over:
                self.server.dialogs.pop(self.caller.key(), None)
            self.carry_back(response, status)

    def carry_back(self, response, status):
        more = [*response.copies("Content-Type", "Reason", "Warning")] if response else []
        if status < 300:
            more += [("Contact", self.server.contact), *(("Record-Route", r) for r in self.caller.routes), ALLOW]
        self.incoming.answer(status, more, response.body if response else b"",
                             response.start.split(None, 2)[2] if response else None, self.tag)

    def on_2xx(self, response):
        call_id, local, cseq = self.half
        dialog = Dialog("callee", call_id, local, response.get("To"), cseq, 0, response.values("Record-Route")[::-1],
                        address_uri(response.get("Contact") or ""))
        if self.callee and self.callee.key() == dialog.key():
            if self.ack:
                self.server.send_ack(self.callee, self.ack)
            return
        if self.callee:  # another branch of a fork: not wanted any more
            self.server.send_ack(dialog, self.server.request_in(dialog, "ACK"))
            self.server.bye(dialog)
            return
        self.callee = dialog
        self.server.dialogs[dialog.key()] = (self, dialog)
        self.carry_back(response, response.status)

    # ------------------------------------------------------------ the end

    def end_from(self, dialog, bye):
        """A BYE of one side has been answered: the other side gets one too."""
        for known in (self.caller, self.callee):
            if known:
                self.server.dialogs.pop(known.key(), None)
        if self.is_over:
            return
        self.is_over = True
        if self.callee and not self.ack:
            self.acknowledge()
        self.incoming.is_acknowledged = True
        other = self.caller if dialog is self.callee else self.callee
        if other:
            self.server.bye(other, bye.copies("Reason"))
        else:
            self.cancel()


class Server:
    def __init__(self, port, on_bye):
        self.on_bye = on_bye
        self.wires = Wires(port, self.on_message)
        self.contact = f"<sip:b2bua@{HOST}:{port}>"
        self.served, self.clients, self.dialogs = {}, {}, {}
        self.calls = {}  # branch of the INVITE -> call, for its CANCEL

    def is_own(self, route):
        return uri_address(address_uri(route)) == (HOST, self.wires.port)

    def via(self, uri, branch=None):
        transport = "TCP" if "transport=tcp" in uri.lower() else "UDP"
        return f"SIP/2.0/{transport} {HOST}:{self.wires.port};branch={branch or new_branch()}"

    # ------------------------------------------------------------ sending

    def request_in(self, dialog, method, more=(), body=b""):
        if method != "ACK":
            dialog.local_cseq += 1
        uri = self.next_hop(dialog)
        return Message(f"{method} {dialog.target} SIP/2.0",
                       [("Via", self.via(uri)), *(("Route", r) for r in dialog.routes), ("From", dialog.local), ("To", dialog.remote),
                        ("Call-ID", dialog.call_id), ("CSeq", f"{dialog.local_cseq} {method}"), ("Max-Forwards", "70"), *more], body)

    @staticmethod
    def next_hop(dialog):
        return address_uri(dialog.routes[0]) if dialog.routes else dialog.target

    def send_request(self, leg, request, uri, on_response):
        def answered(response):
            if not response or response.status >= 200:
                say("ANSWERED", request.method, f"leg={leg}", f"status={response.status if response else 0}", f"call={request.get('Call-ID')}")
            if on_response:
                on_response(response)

        say("SENT", request.method, f"leg={leg}", f"call={request.get('Call-ID')}", f"cseq={request.cseq}")
        client = ClientTransaction(self.wires, request, uri, answered)
        self.clients[request.branch, request.method] = client
        return client

    def send_ack(self, dialog, ack):
        self.wires.send(ack.encode(), self.next_hop(dialog))

    def bye(self, dialog, more=()):
        self.send_request(dialog.leg, self.request_in(dialog, "BYE", more), self.next_hop(dialog), None)

    # ------------------------------------------------------------ receiving

    def on_message(self, message, reply):
        if not message.is_request:
            client = self.clients.get((message.branch, message.method))
            if client:
                client.receive(message)
            return
        call, dialog = self.dialogs.get((message.get("Call-ID"), message.tag_of("To"), message.tag_of("From")), (None, None))
        leg = dialog.leg if dialog else "caller" if message.method in ("INVITE", "CANCEL") else "none"
        say("SEEN", message.method, f"leg={leg}", f"call={message.get('Call-ID')}", f"cseq={message.cseq}",
            f"from={message.tag_of('From')}", f"to={message.tag_of('To')}")
        key = message.branch, message.values("Via")[0].split(";")[0], message.method
        if message.method == "ACK":
            self.on_ack(message, call)
        elif key in self.served:
            self.served[key].repeat()
        else:
            self.served[key] = ServerTransaction(self.wires, message, reply)
            self.on_request(message, self.served[key], call, dialog)

    def on_ack(self, message, call):
        if call:
            call.acknowledge(message)
        elif message.branch in self.calls:  # of a refusal
            self.calls[message.branch].incoming.is_acknowledged = True

    def on_request(self, message, transaction, call, dialog):
        if dialog:
            self.on_request_in_dialog(message, transaction, call, dialog)
        elif message.method == "CANCEL":
            known = self.calls.get(message.branch)
            transaction.answer(200 if known else 481, tag=new_tag())
            if known and not known.callee:
                known.cancel()
        elif message.tag_of("To"):
            transaction.answer(481)
        elif message.method == "INVITE":
            call = Call(self, message, transaction)
            self.calls[message.branch] = call
            self.dialogs[call.caller.key()] = (call, call.caller)
            call.call_on()
        elif message.method in ("REGISTER", "OPTIONS"):  # third-party registration, TS 24.229 §5.4.1.7
            transaction.answer(200, tag=new_tag())
        else:
            transaction.answer(405, [ALLOW], tag=new_tag())

    def on_request_in_dialog(self, message, transaction, call, dialog):
        if message.cseq <= dialog.remote_cseq:
            transaction.answer(500)
            return
        dialog.remote_cseq = message.cseq
        if message.method == "INVITE":
            transaction.answer(488)
        elif message.method != "BYE":
            transaction.answer(405, [ALLOW])
        elif self.on_bye == "481":
            transaction.answer(481)
        elif self.on_bye == "answer":
            transaction.answer(200)
            call.end_from(dialog, message)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--on-bye", choices=("answer", "silent", "481"), default="answer")
    arguments = parser.parse_args()
    server = Server(arguments.port, arguments.on_bye)
    say("ready", f"port={arguments.port}")
    try:
        server.wires.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
