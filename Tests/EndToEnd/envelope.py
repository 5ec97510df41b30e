"""The JSON that every verb prints, and the JSON of its errors."""
import json
import re

from typed_json import no_repeats

MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
SCHEMA = re.compile(r"^blazectl/[a-z]+([.-][a-z]+)*/[1-9]\d*$")
ERROR_KEYS = {"code", "name", "message", "hint", "target", "holder"}


def _one_object(raw):
    text = raw.decode("utf-8")
    assert text.endswith("\n"), "the object does not end with a line end"
    parsed = json.loads(text, object_pairs_hook=no_repeats)
    assert isinstance(parsed, dict), "not an object"
    return parsed


def success(result, *statuses):
    """The parsed envelope of a command that did its work."""
    result.expect(*statuses)
    parsed = _one_object(result.out)
    wanted = {"schema", "ok", "data", "warnings", "as_of", "tier", "duration_ms"}
    assert set(parsed) == wanted, f"{sorted(set(parsed) ^ wanted)}\n{result!r}"
    assert SCHEMA.match(parsed["schema"]), parsed["schema"]
    assert parsed["ok"] is True
    assert isinstance(parsed["data"], dict)
    assert isinstance(parsed["warnings"], list)
    assert MOMENT.match(parsed["as_of"]), parsed["as_of"]
    assert parsed["tier"] in (None, "file", "observe", "lease")
    assert isinstance(parsed["duration_ms"], (int, float)) and parsed["duration_ms"] >= 0
    return parsed


def data(result, *statuses):
    """The `data` of a command that did its work."""
    return success(result, *statuses)["data"]


def failure(result, *statuses):
    """The `error` of a command that failed with one of the statuses: one object on stderr, nothing on stdout."""
    result.expect(*statuses)
    assert result.out == b"", f"something on stdout beside an error\n{result!r}"
    parsed = _one_object(result.err)
    assert parsed["ok"] is False and SCHEMA.match(parsed["schema"]), result
    error = parsed["error"]
    assert set(error) == ERROR_KEYS, f"{sorted(set(error) ^ ERROR_KEYS)}\n{result!r}"
    assert error["code"] == result.status, result
    assert re.match(r"^[a-z]+(-[a-z]+)*$", error["name"]), error
    assert error["message"].strip(), error
    return error
