"""Units of work: everything together or nothing."""

import asyncio

import pytest

from connectors.ports.clock import ManualClock
from connectors.ports.journal import Conflict, Journal, NewRecord
from tests.contracts.journal_opening import OpensJournal, fill, nothing_happened, record


class UnitContract(OpensJournal):
    def test_a_unit_does_everything_together(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            await journal.append("inputs", [record(), record()])
            async with journal.unit() as unit:
                unit.append("decisions", record("d1"))
                unit.append("decisions", record("d2"))
                unit.put("state", "a", b"1")
                unit.move("triage", "inputs", old=0, new=2)
                unit.enqueue("work", "j1", b"job")
                assert await journal.head("decisions") == 0
                assert await journal.get("state", "a") is None
            assert [e.payload for e in await journal.read("decisions", after=0)] == [b"d1", b"d2"]
            assert await journal.get("state", "a") == b"1"
            assert await journal.position("triage", "inputs") == 2
            assert await journal.pending("work") == 1

        self.run(work)

    def test_leaving_a_unit_by_an_exception_discards_everything(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            with pytest.raises(RuntimeError, match="changed my mind"):
                async with journal.unit() as unit:
                    fill(unit)
                    raise RuntimeError("changed my mind")
            await nothing_happened(journal)

        self.run(work)

    def test_a_unit_that_asks_for_nothing_is_no_error(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit():
                pass
            assert await journal.head("inputs") == 0

        self.run(work)

    @pytest.mark.parametrize("stale", ["create", "replace", "replace-missing", "move", "move-twice"])
    def test_a_conflict_fails_the_whole_unit_and_changes_nothing(self, stale: str) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.put("rows", "there", b"old")
                unit.move("other", "inputs", old=0, new=7)
            with pytest.raises(Conflict):
                async with journal.unit() as unit:
                    fill(unit)
                    match stale:
                        case "create":
                            unit.create("rows", "there", b"new")
                        case "replace":
                            unit.replace("rows", "there", b"wrong", b"new")
                        case "replace-missing":
                            unit.replace("rows", "absent", b"", b"new")
                        case "move":
                            unit.move("other", "inputs", old=6, new=8)
                        case _:
                            unit.move("other", "inputs", old=7, new=8)
                            unit.move("other", "inputs", old=7, new=9)
            await nothing_happened(journal)
            assert await journal.get("rows", "there") == b"old"
            assert await journal.position("other", "inputs") == 7

        self.run(work)

    def test_a_failing_unit_leaves_those_committed_beside_it_alone(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async def attempt(n: int) -> bool:
                try:
                    async with journal.unit() as unit:
                        unit.create("rows", "one", str(n).encode())
                        unit.append("decisions", record(str(n)))
                    return True
                except Conflict:
                    return False

            outcomes, offsets = await asyncio.gather(
                asyncio.gather(*(attempt(n) for n in range(50))),
                asyncio.gather(*(journal.append("inputs", [record()]) for _ in range(50))),
            )
            assert outcomes.count(True) == 1
            assert sorted(offsets) == list(range(1, 51))
            winner = str(outcomes.index(True)).encode()
            assert await journal.get("rows", "one") == winner
            assert [e.payload for e in await journal.read("decisions", after=0)] == [winner]

        self.run(work)

    def test_changes_of_one_row_in_one_unit_happen_in_their_order(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.create("rows", "a", b"1")
                unit.replace("rows", "a", b"1", b"2")
                unit.put("rows", "b", b"1")
                unit.delete("rows", "b")
                unit.create("rows", "b", b"3")
                unit.move("me", "inputs", old=0, new=1)
                unit.move("me", "inputs", old=1, new=2)
                unit.put("rows", "c", b"1")
                unit.delete("rows", "c")
            assert list(await journal.scan("rows")) == [("a", b"2"), ("b", b"3")]
            assert await journal.position("me", "inputs") == 2

        self.run(work)

    def test_deleting_a_row_that_is_not_there_is_no_error(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                unit.delete("rows", "absent")
            assert await journal.get("rows", "absent") is None

        self.run(work)

    def test_scan_gives_the_rows_of_one_space_under_a_prefix_in_order_of_their_keys(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            async with journal.unit() as unit:
                for key in ("b", "a/2", "a/10", "a%", "A", "\u00e4", "a"):
                    unit.put("rows", key, key.encode())
                unit.put("other", "a/3", b"")
            assert [key for key, _ in await journal.scan("rows", "a")] == ["a", "a%", "a/10", "a/2"]
            assert [key for key, _ in await journal.scan("rows", "a/")] == ["a/10", "a/2"]
            assert [key for key, _ in await journal.scan("rows")] == ["A", "a", "a%", "a/10", "a/2", "b", "\u00e4"]
            assert list(await journal.scan("nothing")) == []
            assert [key for key, _ in await journal.scan("rows", after="a", limit=2)] == ["a%", "a/10"]
            assert [key for key, _ in await journal.scan("rows", "a/", after="a")] == ["a/10", "a/2"]
            assert [key for key, _ in await journal.scan("rows", "a/", after="a/10", limit=9)] == ["a/2"]
            assert list(await journal.scan("rows", after="\u00e4")) == []

        self.run(work)

    def test_a_record_that_cannot_be_stored_fails_alone(self) -> None:
        async def work(journal: Journal, clock: ManualClock) -> None:
            results = await asyncio.gather(
                journal.append("inputs", [record("good")]),
                journal.append("inputs", [NewRecord("signal", b"bad", "\ud800")]),
                journal.append("inputs", [record("also good")]),
                return_exceptions=True,
            )
            assert isinstance(results[1], UnicodeError)
            assert sorted(r for r in results if isinstance(r, int)) == [1, 2]
            assert len(await journal.read("inputs", after=0)) == 2

        self.run(work)
