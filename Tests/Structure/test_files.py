"""Names and contents of the project's files."""
import re

SOURCE_SUFFIXES = {".swift", ".py", ".sh", ".c", ".h", ".proto", ".modulemap", ".toml", ".ini"}
VAGUE = re.compile(r"(Util|Utils|Utilities|Helper|Helpers|Manager|Managers|Common|Misc)(?=[A-Z+._]|$)")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|opt/swift)(?=/|\b)")


def is_source(name):
    return name.suffix in SOURCE_SUFFIXES or name.name in {"Makefile", "run"}


def is_generated(name):
    return name.parts[:3] == ("Sources", "BlazeProtocol", "Generated")


def test_names_say_the_thing(files):
    vague = [str(n) for n in files for part in n.parts if VAGUE.search(part.split(".")[0])]
    assert not vague, "names that say nothing about what is inside"


def test_the_vague_name_pattern():
    assert VAGUE.search("StringUtils") and VAGUE.search("Helper") and VAGUE.search("Database+Helpers")
    assert not VAGUE.search("CommonFieldNames".replace("Common", "Known")) and not VAGUE.search("Managed")


def test_sources_are_ascii(texts):
    for name, text in texts.items():
        if is_source(name) and not is_generated(name):
            for number, line in enumerate(text.splitlines(), 1):
                assert line.isascii(), f"{name}:{number} is not ASCII"


def test_nothing_is_left_unfinished(texts):
    for name, text in texts.items():
        if is_generated(name) or name.parts[:2] == ("Tests", "Structure"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            assert not UNFINISHED.search(line), f"{name}:{number} is marked as unfinished"


def test_no_path_of_a_machine(texts):
    for name, text in texts.items():
        if name.parts[:2] == ("Tests", "Structure"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            assert not MACHINE_PATH.search(line), f"{name}:{number} names a path of one machine"


def test_the_machine_path_pattern():
    assert MACHINE_PATH.search("see /work" + "/main/x") and MACHINE_PATH.search('"/root' + '/.config"')
    assert not MACHINE_PATH.search("docs/work/x") and not MACHINE_PATH.search("a/b/root/c")


def test_what_is_built_is_not_committed(files):
    built = [str(n) for n in files if n.name == "Package.resolved" or n.suffix == ".pyc" or n.parts[0] in
             {".build", "build", ".swiftpm"} or n.parts[0].startswith((".build-", ".build_"))]
    assert not built


def test_lines_and_ends(texts):
    for name, text in texts.items():
        if is_generated(name):
            continue
        assert "\r" not in text, f"{name} has carriage returns"
        assert text == "" or text.endswith("\n"), f"{name} does not end with a line end"
        for number, line in enumerate(text.splitlines(), 1):
            assert line == line.rstrip() or name.suffix == ".md", f"{name}:{number} ends with blanks"


def test_no_crash_is_written_into_a_product(texts):
    """Untrusted input must end in an error: no forced unwrapping of results, no deliberate traps."""
    trap = re.compile(r"\b(try!|fatalError\(|preconditionFailure\(|as!)")
    for name, text in texts.items():
        if name.suffix != ".swift" or name.parts[0] != "Sources" or is_generated(name):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            code = line.split("//")[0]
            assert not trap.search(code), f"{name}:{number} can stop the process"


def test_tests_do_not_sleep_to_wait(texts):
    """Waiting is done by polling with a deadline, in one place each."""
    pause = re.compile(r"\b(time\.sleep|usleep|Task\.sleep|Thread\.sleep|sleep\()")
    allowed = {"Tests/EndToEnd/waiting.py"}
    for name, text in texts.items():
        if name.parts[0] != "Tests" or name.parts[1] == "Structure" or str(name) in allowed:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            assert not pause.search(line), f"{name}:{number} sleeps"
