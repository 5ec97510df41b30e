"""A socket between a client and the agent that keeps what passes, frame by frame."""
import os
import select
import socket
import struct
import threading

HEADER = struct.Struct(">IBBHII")


class Tap:
    """Listens on `path` and passes everything on to `target`; `close` ends it."""

    def __init__(self, path, target):
        self.path, self.target = str(path), str(target)
        self.streams = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o600)
        self.listener.listen(64)
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(30)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            agent.connect(self.target)
            asked, answered = bytearray(), bytearray()
            self.streams += [asked, answered]
            thread = threading.Thread(target=self._pass, args=(client, agent, asked, answered), daemon=True)
            self.threads.append(thread)
            thread.start()

    @staticmethod
    def _pass(client, agent, asked, answered):
        ways = {client: (agent, asked), agent: (client, answered)}
        with client, agent:
            while ways:
                for source in select.select(list(ways), [], [])[0]:
                    other, kept = ways[source]
                    try:
                        data = source.recv(1 << 16)
                        kept += data
                        other.sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        del ways[source]
                        try:
                            other.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass

    def frames(self):
        """(operation, body, secret) of every frame that has passed whole."""
        for stream in self.streams:
            at = 0
            while at + HEADER.size <= len(stream):
                length, _, _, operation, _, secret = HEADER.unpack_from(stream, at)
                at += HEADER.size
                yield operation, bytes(stream[at:at + length - secret]), bytes(stream[at + length - secret:at + length])
                at += length
