"""The writer: entries into the active segment, durable before it returns, one segment after the other."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from typing_extensions import override

from connectors.ledger.files import lock, sync
from connectors.ledger.project import project
from connectors.ledger.recovery import Tail, recover
from connectors.ledger.segment import GENESIS, Header, segment_path, write_header, write_records
from connectors.ports.clock import Clock
from connectors.ports.journal import Entry
from connectors.ports.ledger import Head, Ledger, LedgerDamaged
from schemas import to_rfc3339

SEGMENT_BYTES = 64 << 20
_log = logging.getLogger(__name__)


class SegmentLedger(Ledger):
    """The ledger in a folder; made by `open_ledger`. Writing happens in a thread of its own, projecting in another."""

    cut: str | None
    """What recovery cut off when it was opened, as a sentence; None as a rule."""

    def __init__(
        self, folder: Path, clock: Clock, epoch: int, segment_bytes: int, held: int, tail: Tail | None
    ) -> None:
        self._folder, self._clock, self._epoch, self._segment_bytes = folder, clock, epoch, segment_bytes
        self._held = held
        self._file: int | None = None
        self._in_doubt = False
        self._tail = tail or Tail(f"led_{uuid4().hex}", 0, epoch, "", 1, 0, GENESIS, GENESIS, 0)
        self.cut = self._tail.cut
        self._writing = ThreadPoolExecutor(1, "ledger")
        self._projecting = ThreadPoolExecutor(1, "ledger-projection")
        self._closed = False
        if tail is not None:
            self._take_up()
            self._project_later()

    @override
    def position(self, stream: str) -> int:
        return self._tail.positions.get(stream, 0)

    @override
    def head(self) -> Head:
        return Head(self._tail.seq, self._tail.record_hash)

    @override
    async def append(self, entries: Sequence[Entry]) -> None:
        await self._in_writer(lambda: self._append(entries))

    @override
    async def seal(self) -> None:
        await self._in_writer(self._seal)
        await asyncio.wrap_future(self._projecting.submit(project, self._folder))

    @override
    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._close)

    async def _in_writer(self, work: Callable[[], None]) -> None:
        if self._closed:
            raise OSError("the ledger is closed")
        await asyncio.wrap_future(self._writing.submit(work))

    def _append(self, entries: Sequence[Entry]) -> None:
        fresh = self._fresh(entries)
        if not fresh:
            return
        active = self._active()
        tail = self._tail
        lines, digest = write_records(fresh, seq=tail.seq + 1, previous=tail.hash, salts=os.urandom(16 * len(fresh)))
        content = b"".join(lines)
        try:
            _write(active, content)
            os.fdatasync(active)
        except OSError:
            # After a failed sync nobody knows what the disk holds: let go, and read it again before the next append.
            self._in_doubt = True
            with suppress(OSError):
                os.ftruncate(active, tail.size)
            self._let_go()
            raise
        tail.seq, tail.hash, tail.size = tail.seq + len(fresh), digest, tail.size + len(content)
        tail.record_hash = digest
        for entry in fresh:
            tail.positions[entry.stream] = entry.offset

    def _fresh(self, entries: Sequence[Entry]) -> list[Entry]:
        reached = dict(self._tail.positions)
        fresh = []
        for entry in entries:
            if entry.offset > reached.get(entry.stream, 0):
                reached[entry.stream] = entry.offset
                fresh.append(entry)
        return fresh

    def _active(self) -> int:
        if self._in_doubt:
            self._read_again()
        if self._file is None or self._full():
            self._begin_segment()
        assert self._file is not None  # noqa: S101  (for the type checker: both ways above set it or raise)
        return self._file

    def _read_again(self) -> None:
        known = self.head()
        found = recover(self._folder, known)
        same = found is not None and (found.seq > known.seq or Head(found.seq, found.record_hash) == known)
        if found is None or not same:
            raise LedgerDamaged(
                f"record {known.seq} was written and is not what is on disk; run `tocsin ledger verify`"
            )
        self._tail, self.cut = found, found.cut or self.cut
        self._take_up()
        self._in_doubt = False

    def _take_up(self) -> None:
        if self._tail.epoch == self._epoch:
            self._file = os.open(segment_path(self._folder, self._tail.segment), os.O_WRONLY | os.O_APPEND)

    def _full(self) -> bool:
        tail = self._tail
        return tail.seq >= tail.first_seq and (
            tail.size >= self._segment_bytes or to_rfc3339(self._clock.now())[:10] != tail.started_at[:10]
        )

    def _begin_segment(self) -> None:
        tail, now = self._tail, self._clock.now()
        header = Header(tail.ledger, tail.segment + 1, self._epoch, tail.hash, tail.seq + 1, now, dict(tail.positions))
        line, digest = write_header(header)
        path = segment_path(self._folder, header.segment)
        active = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _write(active, line)
            os.fsync(active)
            sync(path.parent)
        except OSError:
            os.close(active)
            path.unlink(missing_ok=True)
            raise
        self._let_go()
        self._file = active
        self._tail = Tail(
            ledger=tail.ledger,
            segment=header.segment,
            epoch=self._epoch,
            started_at=to_rfc3339(now),
            first_seq=header.first_seq,
            seq=tail.seq,
            record_hash=tail.record_hash,
            hash=digest,
            size=len(line),
            positions=tail.positions,
        )
        if tail.segment:
            self._project_later()

    def _seal(self) -> None:
        self._active()
        if self._tail.seq >= self._tail.first_seq:
            self._begin_segment()

    def _project_later(self) -> None:
        self._projecting.submit(project, self._folder).add_done_callback(_report)

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _close(self) -> None:
        self._writing.shutdown(wait=True)
        self._projecting.shutdown(wait=True)
        self._let_go()
        os.close(self._held)


def open_ledger(
    folder: Path, *, clock: Clock, epoch: int = 1, head: Head | None = None, segment_bytes: int = SEGMENT_BYTES
) -> SegmentLedger:
    """Open for writing, making the folder if need be. `epoch` is the writer's lease token and stands in each segment's header: a new
    epoch begins a new segment. `head` is the last record known from elsewhere to be durable.

    Raises LedgerHeld, LedgerDamaged, OSError. Reads the last segment whole, so call it in a thread.
    """
    (folder / "segments").mkdir(parents=True, exist_ok=True)
    held = lock(folder / "writer.lock", wait=False)
    try:
        return SegmentLedger(folder, clock, epoch, segment_bytes, held, recover(folder, head))
    except BaseException:
        os.close(held)
        raise


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _report(done: "Future[int]") -> None:
    error = done.exception()
    if error is not None:
        _log.warning("a sealed segment could not be projected; it is tried again at the next: %s", error)
