"""Whatever is done in whatever order, the SQLite journal holds what a few dictionaries would."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.journal.sqlite import open_journal
from connectors.ports.clock import ManualClock
from connectors.ports.journal import Conflict, NewRecord

T = TypeVar("T")
STREAMS = st.sampled_from(["inputs", "decisions"])
KEYS = st.sampled_from(["a", "ab", "b", "\u6f22"])
VALUES = st.binary(max_size=3)
CONSUMERS = st.sampled_from(["c1", "c2"])
OFFSETS = st.integers(0, 6)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("append"), STREAMS, VALUES),
        st.tuples(st.just("put"), KEYS, VALUES),
        st.tuples(st.just("create"), KEYS, VALUES),
        st.tuples(st.just("replace"), KEYS, VALUES, VALUES),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("move"), CONSUMERS, STREAMS, OFFSETS, OFFSETS),
    ),
    max_size=5,
)


class JournalModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = ManualClock(1000)
        self.streams: dict[str, list[tuple[int, bytes, int]]] = {"inputs": [], "decisions": []}
        self.heads = {"inputs": 0, "decisions": 0}
        self.rows: dict[str, bytes] = {}
        self.positions: dict[tuple[str, str], int] = {}
        self.start()

    def start(self) -> None:
        self.journal = open_journal(Path(self.folder.name) / "j.sqlite", clock=self.clock, tail_bytes=60)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.journal.close_now()
        self.runner.close()
        self.folder.cleanup()

    def added(self, stream: str, payload: bytes) -> None:
        self.heads[stream] += 1
        self.streams[stream].append((self.heads[stream], payload, self.clock.now()))

    @rule(stream=STREAMS, payloads=st.lists(VALUES, max_size=4))
    def append(self, stream: str, payloads: list[bytes]) -> None:
        first = self.run(self.journal.append(stream, [NewRecord("signal", p, "k") for p in payloads]))
        assert first == self.heads[stream] + 1
        for payload in payloads:
            self.added(stream, payload)

    @rule(changes=CHANGES)
    def unit(self, changes: list[tuple[Any, ...]]) -> None:
        rows, positions, appended, refused = dict(self.rows), dict(self.positions), [], False
        for change in changes:
            match change:
                case ("append", stream, value):
                    appended.append((stream, value))
                case ("put", key, value):
                    rows[key] = value
                case ("create", key, value):
                    refused |= key in rows
                    rows[key] = value
                case ("replace", key, old, new):
                    refused |= rows.get(key) != old
                    rows[key] = new
                case ("delete", key):
                    rows.pop(key, None)
                case ("move", consumer, stream, old, new):
                    refused |= positions.get((consumer, stream), 0) != old
                    positions[consumer, stream] = new
        assert self.run(self.attempt(changes)) is not refused
        if not refused:
            self.rows, self.positions = rows, positions
            for stream, value in appended:
                self.added(stream, value)

    async def attempt(self, changes: list[tuple[Any, ...]]) -> bool:
        try:
            async with self.journal.unit() as unit:
                for change in changes:
                    match change:
                        case ("append", stream, value):
                            unit.append(stream, NewRecord("signal", value))
                        case ("put", key, value):
                            unit.put("rows", key, value)
                        case ("create", key, value):
                            unit.create("rows", key, value)
                        case ("replace", key, old, new):
                            unit.replace("rows", key, old, new)
                        case ("delete", key):
                            unit.delete("rows", key)
                        case ("move", consumer, stream, old, new):
                            unit.move(consumer, stream, old=old, new=new)
            return True
        except Conflict:
            return False

    @rule(seconds=st.integers(0, 3))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(stream=STREAMS, ago=st.integers(0, 3))
    def retain(self, stream: str, ago: int) -> None:
        before = self.clock.now() - ago * 1_000_000
        passed = min((at for (_, of), at in self.positions.items() if of == stream), default=10**9)
        entries = self.streams[stream]
        kept = len(entries)
        for n, (offset, _, at) in enumerate(entries):
            if at >= before or offset > passed:
                kept = n
                break
        assert self.run(self.journal.retain(stream, before=before)) == kept
        self.streams[stream] = entries[kept:]

    @rule()
    def restart(self) -> None:
        self.run(self.journal.close())
        self.start()

    @rule(stream=STREAMS, after=OFFSETS, limit=st.integers(1, 5))
    def read(self, stream: str, after: int, limit: int) -> None:
        entries = self.run(self.journal.read(stream, after=after, limit=limit))
        expected = [entry for entry in self.streams[stream] if entry[0] > after][:limit]
        assert [(e.offset, e.payload, e.accepted_at) for e in entries] == expected

    @rule(stream=STREAMS, since=st.integers(0, 4), until=st.integers(0, 4), limit=st.integers(1, 5))
    def between(self, stream: str, since: int, until: int, limit: int) -> None:
        start, end = self.clock.now() - since * 1_000_000, self.clock.now() - until * 1_000_000
        entries = self.run(self.journal.between(stream, since=start, until=end, limit=limit))
        expected = [entry for entry in self.streams[stream] if start <= entry[2] <= end][-limit:]
        assert [(e.offset, e.payload, e.accepted_at) for e in entries] == expected

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        assert self.run(self.journal.scan("rows")) == sorted(self.rows.items())
        for stream, head in self.heads.items():
            assert self.run(self.journal.head(stream)) == head
        for (consumer, stream), offset in self.positions.items():
            assert self.run(self.journal.position(consumer, stream)) == offset


JournalModel.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJournalModel = JournalModel.TestCase
