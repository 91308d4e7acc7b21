"""The data folder: what lies where, and the keys that are made at the first start."""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything Tocsin keeps."""

    path: Path

    @property
    def journal(self) -> Path:
        """The journal's SQLite file."""
        return self.path / "journal.db"

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.path / "ledger"

    @property
    def emergency(self) -> Path:
        """The preallocated journal of pages."""
        return self.path / "emergency.journal"

    @property
    def address(self) -> Path:
        """Where the running program can be reached; absent when none runs."""
        return self.path / "address.json"

    def make(self) -> None:
        """Create it, for its owner alone. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def redaction_key(self) -> bytes:
        """The key by which equal secrets stay equal after they were replaced; made at the first call. Raises OSError."""
        return bytes.fromhex(self._kept("redaction.key", lambda: secrets.token_hex(32)))

    def token(self) -> str:
        """The bearer token of the programming interface; made at the first call. Raises OSError."""
        return self._kept("token", lambda: secrets.token_urlsafe(32))

    def known_token(self) -> str | None:
        """The token, if one was made."""
        file = self.path / "token"
        return file.read_text().strip() if file.is_file() else None

    def publish(self, url: str) -> None:
        """Let the command line find the running program."""
        beside = self.address.with_suffix(".new")
        beside.write_text(json.dumps({"url": url, "pid": os.getpid()}))
        beside.replace(self.address)

    def retract(self) -> None:
        """It runs no more."""
        self.address.unlink(missing_ok=True)

    def published(self) -> str | None:
        """The running program's URL; None when none runs (what a killed one left behind is not believed)."""
        try:
            found = json.loads(self.address.read_text())
            os.kill(found["pid"], 0)
            url = urlsplit(str(found["url"]))
            # The number of a process that was killed may be another's by now: somebody must answer as well.
            socket.create_connection((url.hostname, url.port), timeout=2).close()
        except (OSError, ValueError, KeyError):
            return None
        return str(found["url"])

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        """There whole or not at all, also after a crash; of two processes that make it at once, one is believed by both."""
        file = self.path / name
        if not file.is_file():
            descriptor, beside = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)
            with os.fdopen(descriptor, "w") as out:
                out.write(make() + "\n")
                out.flush()
                os.fsync(out.fileno())
            with suppress(FileExistsError):
                os.link(beside, file)
            Path(beside).unlink()
            folder = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return file.read_text().strip()
