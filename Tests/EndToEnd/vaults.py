"""The vault's passphrase in tests, and how a private world gets a vault."""
import envelope
from statuses import LOCKED, OK

PASSPHRASE = "Vault-Canary-Passphrase-2026"
OTHER = "Another-Vault-Passphrase-2027"


def make_vault(world, *options):
    """A vault, unlocked; what `vault init` told of it."""
    return envelope.data(
        world.ctl("vault", "init", "--no-recovery", *options, "-o", "json", passphrase=PASSPHRASE).expect(OK))


def keep(world, sample, *options):
    """The sample's password in the vault, unlocked before; the entry."""
    done = world.ctl("vault", "add", sample.path, *sample.kdf, *options, "-o", "json", password=sample.password)
    return envelope.data(done.expect(OK))["entry"]


def status(world, *statuses):
    return envelope.data(world.ctl("status", "-o", "json"), *statuses)


def vault_state(world):
    return status(world, OK, LOCKED)["vault"]["state"]
