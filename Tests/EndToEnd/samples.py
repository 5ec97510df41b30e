"""The fixtures: databases that BlazeDB wrote, with what a correct reader must see."""
import json
import os
import pathlib
import shutil

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "Fixture-Passw0rd-2026"


class Sample:
    """One fixture, or a copy of one that a test works on."""

    def __init__(self, directory, name, manifest):
        self.directory = pathlib.Path(directory)
        self.name = name
        self.manifest = manifest

    def __repr__(self):
        return self.name

    @property
    def path(self):
        return self.directory / self.manifest["database"]

    @property
    def stem(self):
        return self.path.stem

    def sidecar(self, extension):
        return self.path.with_suffix("." + extension)

    @property
    def password(self):
        return self.manifest["password"]

    @property
    def iterations(self):
        return self.manifest["pbkdf2Iterations"]

    @property
    def expect(self):
        return self.manifest.get("expect")

    @property
    def kdf(self):
        """The option that names an iteration count which is not among the usual ones."""
        usual = self.iterations in (600_000, 100_000)
        return [] if usual else ["--kdf-iterations", str(self.iterations)]

    def copy_to(self, directory):
        """A copy with every file of the fixture less the manifest; symbolic links become files."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        for file in sorted(self.directory.iterdir()):
            if file.name != "manifest.json":
                shutil.copy2(file, directory / file.name, follow_symlinks=True)
        return Sample(directory, self.name, self.manifest)


def _load():
    roots = [REPOSITORY / "Tests" / "Fixtures"]
    if os.environ.get("BLAZEDB_FIXTURES"):
        roots.append(pathlib.Path(os.environ["BLAZEDB_FIXTURES"]))
    out = {}
    for root in roots:
        assert root.is_dir(), f"{root} is not a directory of fixtures"
        for manifest in sorted(root.rglob("manifest.json")):
            name = str(manifest.parent.relative_to(root))
            out.setdefault(name, Sample(manifest.parent, name, json.loads(manifest.read_text())))
    return out


ALL = _load()
READABLE = [s for s in ALL.values() if s.expect and "error" not in s.expect]
REFUSED = [s for s in ALL.values() if s.expect and s.expect.get("error")]


def sample(name):
    return ALL[name]
