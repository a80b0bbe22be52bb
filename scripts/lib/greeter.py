#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Small servers of the lab: greeter.py tcp-greet PORT LINE | udp-echo PORT."""

import socket
import socketserver
import sys


class Greet(socketserver.StreamRequestHandler):
    """Speaks first, as mail servers do, then answers QUIT."""

    timeout = 60

    def handle(self):
        self.wfile.write(self.server.line)
        for line in self.rfile:
            if line.strip().upper() == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


class Server(socketserver.ThreadingTCPServer):
    """On both families."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 4096

    def handle_error(self, request, client_address):
        pass  # scanners hang up


def udp_echo(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::", port))
        while True:
            data, peer = server.recvfrom(65535)
            server.sendto(data, peer)


def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "udp-echo":
        udp_echo(port)
    server = Server(("::", port), Greet)
    server.line = sys.argv[3].encode() + b"\r\n"
    server.serve_forever()


if __name__ == "__main__":
    main()
