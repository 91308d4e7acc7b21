"""Files that are there whole or not at all, and locks that end with their process."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.ports.ledger import LedgerHeld


def replace_file(path: Path, content: bytes) -> None:
    """Write beside, sync, put in its place: a crash leaves the old file or the new one. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(beside, path)


def put_in_place(beside: Path, path: Path) -> None:
    """Rename a file that is synced already, durably."""
    beside.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content durable, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(path: Path, *, wait: bool) -> int:
    """An exclusive lock as an open descriptor; closing it, or dying, gives it back. Raises LedgerHeld when `wait` is false and
    another process (or another ledger in this one) has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        os.close(descriptor)
        raise LedgerHeld(
            f"{str(path.parent)!r} has a writer already; a ledger has one: stop the other, or use another folder"
        ) from error
    return descriptor


@contextmanager
def manifest_lock(folder: Path) -> Iterator[None]:
    """Held while manifest, projections or redactions change; the writer's sealing and a redaction take turns."""
    descriptor = lock(folder / "manifest.lock", wait=True)
    try:
        yield
    finally:
        os.close(descriptor)
