"""The configuration file: shown, set without harm, and its mistakes told with their lines."""
import pytest

import envelope
from snapshot import unchanged
from statuses import FAILURE, OK, USAGE


def file(world):
    return world.root / "config" / "blazedb-agent" / "config.toml"


def write(world, text):
    file(world).parent.mkdir(mode=0o700, exist_ok=True)
    file(world).write_text(text)


def test_path_and_defaults(agent):
    assert envelope.data(agent.ctl("config", "path", "-o", "json"))["path"] == str(file(agent))
    shown = agent.ctl("config", "show").expect(OK).text
    assert "scan.roots" in shown and "scan.exclude" in shown
    assert not file(agent).exists(), "looking has made the file"


def test_set_get_and_obey(agent, put):
    put("tiny", agent.databases / "here")
    put("typed", agent.databases / "skipped")
    agent.ctl("config", "set", "scan.roots", f'["{agent.databases}"]').expect(OK)
    agent.ctl("config", "set", "scan.exclude", '["skipped"]').expect(OK)
    assert str(agent.databases) in agent.ctl("config", "get", "scan.roots").expect(OK).text
    agent.ctl("config", "check").expect(OK)
    found = envelope.data(agent.ctl("scan", "-o", "json"))
    assert [r["path"] for r in found["databases"]] == [str(agent.databases / "here" / "tiny.blazedb")]


def test_setting_keeps_comments_and_the_rest(agent):
    write(agent, '# mine\n[scan]\n# why\nroots = ["/srv"] # here\nexclude = ["a"]\n')
    agent.ctl("config", "set", "scan.exclude", '["b", "c"]').expect(OK)
    text = file(agent).read_text()
    assert "# mine" in text and "# why" in text and 'roots = ["/srv"] # here' in text and '"b"' in text


@pytest.mark.parametrize("text,line", [
    ('[scan]\nroots = ["/a"]\ncolour = 3\n', 3), ('[scna]\nroots = []\n', 1), ('[scan]\nroots = 5\n', 2),
    ('[scan]\n\nexclude = ["a", 2]\n', 3), ('[scan]\nroots = [\n', None), ('\n\nx = = 3\n', 3),
    ('[scan]\nroots = ["a"]\nroots = ["b"]\n', 3)])
def test_mistakes_are_told_with_their_lines(world, text, line):
    write(world, text)
    world.start()
    result = world.ctl("config", "check")
    assert result.status in (FAILURE, USAGE), result
    if line:
        assert f"{line}" in result.text + result.messages, result
    problem = envelope.data(world.ctl("status", "-o", "json"))["config"]["problem"]
    assert problem and (not line or str(line) in problem), problem


def test_a_mistake_does_not_keep_the_agent_from_its_work(world, put):
    put("tiny")
    write(world, "nonsense")
    world.start()
    world.ctl("ls").expect(OK)
    world.ctl("info", world.databases / "tiny.blazedb").expect(OK)
    # A scan without the excludes that the user meant would go where it must not.
    refused = world.ctl("scan", world.databases).expect(USAGE)
    assert "line 1" in refused.messages, refused


def test_a_broken_file_is_not_made_worse(world):
    write(world, "[scan\nroots = 3")
    world.start()
    with unchanged(file(world).parent):
        result = world.ctl("config", "set", "scan.exclude", '["x"]')
    assert result.status != OK and result.err, result


@pytest.mark.parametrize("value", ["5", "[1]", "[", "\"x", "nonsense", "[\"a\"]\n[other]", ""])
def test_a_value_of_the_wrong_form_is_refused(agent, value):
    write(agent, '[scan]\nroots = ["/srv"]\n')
    with unchanged(file(agent).parent):
        result = agent.ctl("config", "set", "scan.roots", "--", value)
    assert result.status != OK and result.err, result


def test_a_huge_file_is_refused(world):
    write(world, "# " + "x" * (2 << 20) + "\n")
    world.start()
    assert envelope.data(world.ctl("status", "-o", "json"))["config"]["problem"]
