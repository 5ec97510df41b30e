"""What is in a process's memory: whether a byte string is, never what is around it.

Reading another process's memory needs that it may be traced: an agent says so with --allow-tracing.
"""
import os

# Read and searched in pieces, each with the end of the one before it.
PIECE = 1 << 20


def maps(pid):
    """(start, end, permissions, name) of every mapping."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split(maxsplit=5)
            start, end = (int(x, 16) for x in fields[0].split("-"))
            yield start, end, fields[1], fields[5].strip() if len(fields) > 5 else ""


def is_readable(pid):
    try:
        with open(f"/proc/{pid}/mem", "rb"):
            return True
    except OSError:
        return False


def places(pid, needle):
    """The mapping (name and permissions) of each place where `needle` stands.

    /proc/PID/mem reads pages that the process itself may not (guarded memory is PROT_NONE): nothing is left out.
    """
    assert len(needle) >= 8, "so short a needle is found by chance"
    found = []
    total = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, permissions, name in maps(pid):
            if name in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            tail, at = b"", start
            while at < end:
                try:
                    piece = os.pread(memory.fileno(), min(PIECE, end - at), at)
                except OSError:
                    # A guard page, or a mapping that went away meanwhile.
                    piece, step = b"", 4096
                else:
                    step = len(piece)
                    total += step
                if step == 0:
                    break
                text = tail + piece
                place = text.find(needle)
                while place >= 0:
                    found.append((at - len(tail) + place, permissions, name))
                    place = text.find(needle, place + 1)
                tail = text[-(len(needle) - 1):] if piece else b""
                at += step
    assert total > PIECE, f"only {total} bytes of process {pid} could be read"
    return found


def count(pid, needle):
    """How often `needle` stands in the process's memory."""
    return len(places(pid, needle))
