"""The reader of dumps that comes with the vectors, which follows Protocol/dump.md and shares no code with ours."""
import importlib.util

import samples

_spec = importlib.util.spec_from_file_location(
    "dump_reference", samples.REPOSITORY / "Protocol" / "vectors" / "dump" / "reference.py")
_reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_reference)

parse = _reference.parse
unseal = _reference.unseal
stream_key = _reference.stream_key
