"""The emergency journal: room set aside while the disk had some, so that a page is recorded before it goes out even on a full disk.

One file of fixed slots, written in place: a record needs no block that is not there already (on file systems that copy on write,
btrfs and ZFS, it does: put the file elsewhere). A slot holds one record with a CRC over all of it; a slot whose write was torn was
never acknowledged and counts as free. Numbers are little-endian:

    header, one slot long   magic "TOCSINE1", slots u32, slot_bytes u32, CRC-32 u32 of these
    slot                    magic "SLOT", CRC-32 u32 of what follows, sequence u64, lengths of kind u16, key u16, payload u32,
                            then kind, key (UTF-8) and payload
"""

import errno
import fcntl
import os
import struct
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from connectors.ports.bell import Bell

_HEADER = struct.Struct("<8sIII")
_MAGIC = b"TOCSINE1"
_SLOT = struct.Struct("<4sIQHHI")
_SLOT_MAGIC = b"SLOT"
_FROM_SEQUENCE = 8
"""Where in a slot begins what the CRC covers."""
_LEAST_SLOT_BYTES = 64


class SlotsFull(OSError):
    """Every slot holds a note that is not settled: send the page all the same, and settle what can be."""


@dataclass(frozen=True, slots=True)
class EmergencyRecord:
    """A note about what was about to be done, to be reconciled when the journal works again."""

    kind: str
    key: str
    payload: bytes


class EmergencyJournal(Bell):
    """Safe to use from many threads; calls block for one write and fdatasync. One process at a time has it open."""

    def __init__(self, path: Path, slots: int = 256, slot_bytes: int = 2048) -> None:
        """Open it, or set the room aside: `slots` records of about `slot_bytes` each. A file that exists keeps the shape it has.

        Raises OSError when there is no room for a new file or another process has it open; ValueError when the file is
        something else.
        """
        if slots < 1 or slot_bytes < _LEAST_SLOT_BYTES:
            raise ValueError(
                f"{slots!r} slots of {slot_bytes!r} bytes: at least 1 slot of {_LEAST_SLOT_BYTES!r} bytes is needed"
            )
        self.path = path
        if not path.exists():
            _set_aside(path, slots, slot_bytes)
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR)
        try:
            self._claim()
            self.slots, self.slot_bytes = self._shape()
            self._records, self._places, self.damaged, self._sequence = self._load()
        except BaseException:
            os.close(self._file)
            raise
        taken = set(self._places.values())
        self._free = [place for place in reversed(range(self.slots)) if place not in taken]

    @property
    def room(self) -> int:
        """Bytes one record's kind, key and payload may have together."""
        return self.slot_bytes - _SLOT.size

    @override
    def record(self, kind: str, key: str, payload: bytes) -> bool:
        # Raises ValueError besides, for a note larger than `room`.
        kind_bytes, key_bytes = kind.encode(), key.encode()
        size = len(kind_bytes) + len(key_bytes) + len(payload)
        if size > self.room:
            raise ValueError(f"the record {key!r} has {size!r} bytes, a slot takes {self.room!r}: record less of it")
        with self._lock:
            if key in self._records:
                return False
            if not self._free:
                raise SlotsFull(
                    f"all {self.slots!r} slots of {str(self.path)!r} are taken: settle records that are dealt with"
                )
            sequence = self._sequence + 1
            content = kind_bytes + key_bytes + payload
            head = _SLOT.pack(_SLOT_MAGIC, 0, sequence, len(kind_bytes), len(key_bytes), len(payload))
            crc = zlib.crc32(content, zlib.crc32(head[_FROM_SEQUENCE:]))
            place = self._free[-1]
            self._write(place, head[:4] + crc.to_bytes(4, "little") + head[_FROM_SEQUENCE:] + content)
            self._free.pop()
            self._sequence = sequence
            self._records[key] = EmergencyRecord(kind, key, payload)
            self._places[key] = place
        return True

    @override
    def pending(self) -> list[EmergencyRecord]:
        with self._lock:
            return list(self._records.values())

    @override
    def settle(self, key: str) -> None:
        with self._lock:
            if key not in self._records:
                return
            place = self._places[key]
            self._write(place, bytes(_SLOT.size))
            del self._records[key], self._places[key]
            self._free.append(place)

    def close(self) -> None:
        """Let go; nothing is lost by not calling it."""
        os.close(self._file)

    def _write(self, place: int, content: bytes) -> None:
        at = self.slot_bytes * (place + 1)
        written = os.pwrite(self._file, content, at)
        if written != len(content):
            raise OSError(errno.EIO, f"wrote {written!r} of {len(content)!r} bytes", str(self.path))
        os.fdatasync(self._file)

    def _claim(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(errno.EBUSY, "another process has the emergency journal open", str(self.path)) from error

    def _shape(self) -> tuple[int, int]:
        content = os.pread(self._file, _HEADER.size, 0)
        if len(content) == _HEADER.size:
            magic, slots, slot_bytes, crc = _HEADER.unpack(content)
            if magic == _MAGIC and crc == zlib.crc32(content[:-4]):
                return slots, slot_bytes
        raise ValueError(
            f"{str(self.path)!r} is no emergency journal; expected a file beginning with {_MAGIC!r}: move it away"
        )

    def _load(self) -> tuple[dict[str, EmergencyRecord], dict[str, int], int, int]:
        """The records in their order, their places, the number of slots that hold neither a record nor nothing, the last sequence."""
        found: list[tuple[int, int, EmergencyRecord]] = []
        damaged = 0
        for place in range(self.slots):
            content = os.pread(self._file, self.slot_bytes, self.slot_bytes * (place + 1))
            if content[:4] == bytes(4):
                continue
            read = _read_slot(content)
            if read is None:
                damaged += 1
            else:
                found.append((read[0], place, read[1]))
        found.sort(key=lambda one: one[0])
        records = {record.key: record for _, _, record in found}
        places = {record.key: place for _, place, record in found}
        return records, places, damaged, found[-1][0] if found else 0


def _read_slot(content: bytes) -> tuple[int, EmergencyRecord] | None:
    """Sequence and record, None when it is not whole."""
    if len(content) < _SLOT.size:
        return None
    magic, crc, sequence, kind, key, payload = _SLOT.unpack_from(content)
    end = _SLOT.size + kind + key + payload
    if magic != _SLOT_MAGIC or end > len(content) or zlib.crc32(content[_FROM_SEQUENCE:end]) != crc:
        return None
    texts = content[_SLOT.size : end]
    return sequence, EmergencyRecord(texts[:kind].decode(), texts[kind : kind + key].decode(), texts[kind + key :])


def _set_aside(path: Path, slots: int, slot_bytes: int) -> None:
    """Make the file under another name first, so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".new")
    size = slot_bytes * (slots + 1)
    header = _HEADER.pack(_MAGIC, slots, slot_bytes, 0)
    descriptor = os.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
        # Zeros are written besides: blocks that are only reserved may still need metadata at their first write.
        blank = bytes(slot_bytes)
        for at in range(0, size, slot_bytes):
            os.pwrite(descriptor, blank, at)
        os.pwrite(descriptor, header[:-4] + zlib.crc32(header[:-4]).to_bytes(4, "little"), 0)
        os.fsync(descriptor)
    except OSError:
        half.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    half.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
