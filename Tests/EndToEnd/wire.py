"""A client of the protocol written from Protocol/agent.md alone: raw frames over the socket, also broken ones."""
import socket
import struct

REQUEST, REPLY, FAULT, PART = 1, 2, 3, 4
HELLO, PING, STATUS = 0, 1, 2
INFO, CHECK, EXPORT = 12, 30, 31

MALFORMED, TOO_LARGE, UNSUPPORTED_PROTOCOL, UNKNOWN_OPERATION = 2, 3, 4, 5
INVALID_REQUEST, TOO_MANY_CONNECTIONS, PEER_REFUSED = 6, 7, 9

HEADER = struct.Struct(">IBBHII")


def header(length, kind=REQUEST, flags=0, operation=PING, request=1, secret=0):
    return HEADER.pack(length, kind, flags, operation, request, secret)


def frame(body=b"", secret=b"", **fields):
    return header(len(body) + len(secret), secret=len(secret), **fields) + body + secret


# -- As much of protocol buffers as the handshake needs

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    """A field with an unsigned number or with bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(body):
    """The top-level fields of a message: {number: [values]}."""
    out, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(body):
        key = number()
        if key & 7 == 0:
            value = number()
        elif key & 7 == 2:
            size = number()
            value, at = body[at:at + size], at + size
        elif key & 7 == 1:
            value, at = body[at:at + 8], at + 8
        elif key & 7 == 5:
            value, at = body[at:at + 4], at + 4
        else:
            raise AssertionError(f"wire type {key & 7}")
        out.setdefault(key >> 3, []).append(value)
    return out


def hello(versions=(1,), client=b"wire test"):
    packed = b"".join(varint(v) for v in versions)
    return frame(field(1, packed) + field(2, client), operation=HELLO)


class Closed(Exception):
    """The agent has ended the connection."""


class Connection:
    """A connection that never waits for ever."""

    def __init__(self, path, seconds=30.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        self.socket.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Sends what the agent still takes: it may have closed already, and the answer is what counts."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _exactly(self, count):
        out = b""
        while len(out) < count:
            try:
                block = self.socket.recv(count - len(out))
            except ConnectionResetError:
                raise Closed() from None
            if not block:
                assert not out, "the connection ended inside a frame"
                raise Closed()
            out += block
        return out

    def receive(self):
        """(kind, operation, request id, body) of the next frame."""
        length, kind, flags, operation, request, secret = HEADER.unpack(self._exactly(HEADER.size))
        assert flags == 0 and secret == 0 and length <= 16 << 20
        return kind, operation, request, self._exactly(length) if length else b""

    def fault(self):
        """(code, message) of the next frame, which must be a fault."""
        kind, _, _, body = self.receive()
        assert kind == FAULT, f"kind {kind}"
        seen = fields(body)
        message = seen[2][0].decode()
        assert message
        return seen[1][0], message

    def is_closed(self):
        """Waits until the agent ends the connection; whatever it sends before is passed over."""
        try:
            while True:
                self._exactly(1)
        except (Closed, AssertionError):
            return True
        except TimeoutError:
            return False

    def greet(self):
        self.send(hello())
        kind, operation, _, body = self.receive()
        assert (kind, operation) == (REPLY, HELLO)
        return fields(body)

    def ping(self, request=7):
        self.send(frame(operation=PING, request=request))
        kind, operation, echoed, body = self.receive()
        assert (kind, operation, echoed) == (REPLY, PING, request)
        return fields(body)[1][0]

    def call(self, operation, body, request=9):
        """(bodies of the parts, body of the reply) of a request, which must not fail."""
        self.send(frame(body, operation=operation, request=request))
        parts = []
        while True:
            kind, answered, echoed, body = self.receive()
            assert (answered, echoed) == (operation, request)
            if kind == FAULT:
                raise AssertionError(f"fault {fields(body)}")
            if kind == REPLY:
                return parts, body
            parts.append(body)

    def export(self, path):
        """(document, reply's fields) of a typed export of an unlocked database."""
        parts, reply = self.call(EXPORT, field(1, target(path)) + field(2, 1))
        return b"".join(fields(part)[1][0] for part in parts), fields(reply)

    def check(self, path):
        """(findings as (name, severity, count), reply's fields) of a quick check of an unlocked database."""
        _, reply = self.call(CHECK, field(1, target(path)) + field(2, 1))
        reply = fields(reply)
        return findings(reply.get(3, [])), reply


SEVERITIES = {1: "note", 2: "advice", 3: "damage"}


def target(path):
    """The message Target of an absolute path."""
    return field(1, str(path).encode()) + field(2, b"/")


def findings(bodies):
    """(name, severity, count) of findings."""
    seen = [fields(body) for body in bodies]
    return [(f[1][0].decode(), SEVERITIES[f[2][0]], f[5][0]) for f in seen]
