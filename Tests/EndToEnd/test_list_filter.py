"""`ls`: filtered, searched, ordered, grouped."""
import os
import time

import pytest

import envelope
import samples
from statuses import OK, USAGE

DAY = 86_400


@pytest.fixture
def listed(agent):
    """Four databases in the data home, Developer and elsewhere, one damaged, one unlocked, one old."""
    places = {
        "tiny": agent.root / "data" / "Mail" / "store", "large": agent.root / "home" / "Developer" / "Chat",
        "typed": agent.databases, "damaged/meta-truncated": agent.databases / "m",
    }
    put = {name: samples.sample(name).copy_to(place) for name, place in places.items()}
    agent.ctl("scan", *sorted({s.directory for s in put.values()})).expect(OK)
    agent.ctl("unlock", put["typed"].path, *put["typed"].kdf, password=put["typed"].password).expect(OK)
    agent.ctl("db", "tag", "tiny", "work", "old").expect(OK)
    agent.ctl("db", "tag", "large", "work").expect(OK)
    for sample, days in ((put["large"], 100), (put["typed"], 200), (put["tiny"], 1)):
        then = time.time() - days * DAY
        for file in sample.directory.glob(f"{sample.stem}.*"):
            os.utime(file, (then, then))
    (damaged,) = [n for n in names(agent) if n not in ("tiny", "large", "typed")]
    agent.ctl("db", "alias", damaged, "broken").expect(OK)
    return agent


def names(agent, *words):
    return [r["alias"] for r in envelope.data(agent.ctl("ls", *words, "-o", "json"))["databases"]]


FILTERS = [
    ("tiny", {"tiny"}), ("TIN", {"tiny"}), ("Developer", {"large"}), ("*Chat*", {"large"}), ("t*", {"tiny", "typed"}),
    ("!t*", {"large", "broken"}), ("tag:work", {"tiny", "large"}), ("tag:work !tag:old", {"large"}),
    ("state:damaged", {"broken"}), ("state:ok", {"tiny", "large", "typed"}), ("session:unlocked", {"typed"}),
    ("records>20", {"tiny", "typed"}), ("records<=20", {"large"}), ("size>1M state:ok", {"large"}), ("size<1M tag:work", {"tiny"}),
    ("age>90d", {"large", "typed"}), ("age<2d !state:damaged", {"tiny"}), ("app:Mail", {"tiny"}), ("app:*", {"tiny", "large"}),
    ("twin:yes", set()), ("\"tiny\"", {"tiny"}), ("", {"tiny", "large", "typed", "broken"}), ("none-such", set()),
]


def test_filters(listed):
    for text, wanted in FILTERS:
        assert set(names(listed, "--filter", text)) == wanted, text


@pytest.mark.parametrize("text,column", [("tag:work nme:x", 10), ("size>10X", 6), ("state:bad", 7), ("\"open", 1)])
def test_a_filter_that_is_not_understood_is_pointed_at(agent, text, column):
    error = envelope.failure(agent.ctl("ls", "--filter", text, "-o", "json"), USAGE)
    assert f"column {column}:" in error["message"], error


def test_orders(listed):
    assert names(listed, "--sort", "name") == ["broken", "large", "tiny", "typed"]
    assert names(listed, "--sort", "name", "-r") == ["typed", "tiny", "large", "broken"]
    assert names(listed, "--sort", "size")[0] == "large"
    assert names(listed, "--sort", "records") == ["typed", "tiny", "large", "broken"], "unknown comes last"
    assert names(listed, "--sort", "records", "--reverse") == ["large", "tiny", "typed", "broken"]
    assert names(listed, "--sort", "changed")[1:] == ["tiny", "large", "typed"]
    by_path = envelope.data(listed.ctl("ls", "--sort", "path", "-o", "json"))["databases"]
    assert [r["path"] for r in by_path] == sorted(r["path"] for r in by_path)


def test_searches(listed):
    assert names(listed, "--search", "tiy") == ["tiny"]
    assert names(listed, "--search", "ty")[0] == "typed"
    assert names(listed, "--search", "qqq") == []
    assert names(listed, "--search", "chatlarge") == ["large"]


def test_tags(listed):
    assert set(names(listed, "--tag", "work")) == {"tiny", "large"}
    assert names(listed, "--tag", "work", "--tag", "old") == ["tiny"]


def test_unused_since(listed):
    assert names(listed, "--unused-since", "90d") == ["large"], "typed is unlocked, so it is in use"
    listed.ctl("lock").expect(OK)
    assert set(names(listed, "--unused-since", "90d")) == {"large", "typed"}
    assert names(listed, "--unused-since", "150d") == ["typed"]
    for wrong in ("90", "d", "90y", "-1d"):
        assert listed.ctl("ls", f"--unused-since={wrong}").expect(USAGE).out == b""


def test_groups(listed):
    data = envelope.data(listed.ctl("ls", "--group", "app", "-o", "json"))
    assert data["groups"] == [
        {"name": "Chat", "count": 1}, {"name": "Mail", "count": 1}, {"name": None, "count": 2}]
    assert [r["app"] for r in data["databases"]] == ["Chat", "Mail", None, None]
    data = envelope.data(listed.ctl("ls", "--group", "directory", "-o", "json"))
    assert [g["name"] for g in data["groups"]] == sorted({os.path.dirname(r["path"]) for r in data["databases"]})
    table = listed.ctl("ls", "--group", "app", "-o", "table").expect(OK).text
    assert "Mail (1)" in table and "no app known (2)" in table
    plain = listed.ctl("ls", "--group", "app").expect(OK).text.splitlines()
    assert plain[0].startswith("GROUP\tNAME") and len(plain) == 5 and plain[1].startswith("Chat\tlarge")
    assert envelope.data(listed.ctl("ls", "-o", "json"))["groups"] is None


def test_nothing_fits(listed):
    assert "no known database fits" in listed.ctl("ls", "--filter", "none-such").expect(OK).text
