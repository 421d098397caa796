/* What sockets, connections and mailboxes of a worker count: name, where it stands in struct worker_counters, help. */
#ifndef DAEMON_IO_COUNTERS_H
#define DAEMON_IO_COUNTERS_H

/* clang-format off */
#define IO_COUNTS(ROW)                                                            \
	ROW(datagrams_in, udp.datagrams_in, "datagrams received")                  \
	ROW(datagrams_out, udp.datagrams_out, "datagrams sent")                    \
	ROW(receive_calls, udp.receive_calls, "system calls that received them")   \
	ROW(send_calls, udp.send_calls, "system calls that sent them")             \
	ROW(datagrams_refused, udp.refused, "datagrams that ICMP said did not arrive") \
	ROW(send_errors, udp.send_errors, "datagrams that the system refused to send") \
	ROW(send_full, udp.send_full, "times that the send buffer of a socket was full") \
	ROW(connections, tcp.connections, "connections open now")                  \
	ROW(connections_accepted, tcp.accepted, "connections that peers opened")   \
	ROW(connections_opened, tcp.connected, "connections that this server opened") \
	ROW(connects_failed, tcp.connects_failed, "of these: that failed")         \
	ROW(connections_refused, tcp.refused, "connections of peers closed at once: transport.tcp_connections_max reached and none idle") \
	ROW(connections_closed_idle, tcp.closed_idle, "connections closed after transport.tcp_idle") \
	ROW(connections_closed_full, tcp.closed_full, "idle connections closed to make room for another") \
	ROW(connections_broken, tcp.broken, "connections that broke, or whose bytes were no SIP") \
	ROW(stream_messages_in, tcp.messages_in, "messages received over connections") \
	ROW(stream_messages_out, tcp.messages_out, "messages sent over connections") \
	ROW(lost, tcp.lost + c->mail_lost + c->failures_lost, "messages and notes of failures lost because a queue was full") \
	ROW(mail_between_workers, mail_in, "messages handed from one worker to another") \
	ROW(turns, turns, "turns of the workers' loops")
/* clang-format on */

#endif
