"""The canonical hash of a typed JSON dump, computed apart from every other reader."""
import hashlib
import json


def no_repeats(pairs):
    out = dict(pairs)
    assert len(out) == len(pairs), "a JSON object repeats a key"
    return out


def parse(document):
    """The records of a dump; the document must be strict JSON: an array of objects."""
    records = json.loads(document.decode("utf-8"), object_pairs_hook=no_repeats)
    assert isinstance(records, list) and all(isinstance(r, dict) for r in records)
    return records


def canonical_hash(records):
    """SHA-256 over the records sorted by id, keys sorted, ASCII escapes, no spaces."""
    ordered = sorted(records, key=lambda record: record["id"]["v"] if "id" in record else "")
    text = json.dumps(ordered, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
