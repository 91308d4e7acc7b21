"""The data folder: what lies where, and the keys that are made at the first start."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


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
        except (OSError, ValueError, KeyError):
            return None
        return str(found["url"])

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        file = self.path / name
        try:
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return file.read_text().strip()
        with os.fdopen(descriptor, "w") as out:
            content = make()
            out.write(content + "\n")
            out.flush()
            os.fsync(out.fileno())
        return content
