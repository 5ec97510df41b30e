"""The documents name files and verbs that exist."""
import re

from conftest import REPOSITORY

VERBS = {"deps", "build", "release", "test", "test-slow", "check", "format", "protocol", "fuzz", "bench", "demo",
         "clean"}
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def makefile_verbs():
    return set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.M))


def test_the_makefile_has_the_agreed_verbs():
    assert makefile_verbs() == VERBS


def test_the_documents_name_verbs_that_exist(texts):
    seen = set()
    for name, text in texts.items():
        if name.suffix == ".md":
            named = set(re.findall(r"\bmake ([a-z-]+)`", text)) | set(re.findall(r"^\$ make ([a-z-]+)", text, re.M))
            assert named <= VERBS, f"{name} names {sorted(named - VERBS)}"
            seen |= named
    assert {"demo", "test"} <= seen


def test_links_lead_somewhere(texts):
    for name, text in texts.items():
        if name.suffix != ".md":
            continue
        for target in LINK.findall(text):
            if "://" in target or target.startswith("mailto:"):
                continue
            assert (REPOSITORY / name.parent / target).exists(), f"{name} links to {target}"


def test_decisions_are_numbered_and_complete():
    decisions = sorted(p.name for p in (REPOSITORY / "docs" / "decisions").glob("*.md"))
    assert [d[:4] for d in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)] and decisions
    for decision in decisions:
        text = (REPOSITORY / "docs" / "decisions" / decision).read_text()
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{decision} lacks '{heading}'"


def test_every_finding_is_documented():
    """docs/findings.md lists exactly the names that the engine gives."""
    source = "\n".join(p.read_text() for p in (REPOSITORY / "Sources" / "BlazeEngine").rglob("*.swift"))
    given = set(re.findall(r'Finding\.Name\(rawValue: "([a-z0-9-]+)"\)', source))
    given |= set(re.findall(r'= Finding\.Name\("([a-z0-9-]+)"\)', source))
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (REPOSITORY / "docs" / "findings.md").read_text(), re.M))
    assert given, "no finding's name was found in the engine's sources"
    assert given == listed


def test_every_fault_is_documented():
    """Protocol/agent.md lists exactly the fault codes that the agent sends, by number and name."""
    source = (REPOSITORY / "Sources" / "BlazeProtocol" / "Operations" / "FaultCode.swift").read_text()
    numbers = dict(re.findall(r"case `?(\w+)`? = (\d+)", source))
    names = dict(re.findall(r'case \.(\w+): "([a-z-]+)"', source))
    assert numbers and set(numbers) == set(names)
    text = (REPOSITORY / "Protocol" / "agent.md").read_text()
    for case, number in numbers.items():
        row = re.compile(rf"\|\s*{number}\s*\|\s*`?{re.escape(names[case])}`?\s*\|")
        assert row.search(text), f"Protocol/agent.md does not list fault {number} {names[case]}"
