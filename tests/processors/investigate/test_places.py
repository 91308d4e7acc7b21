"""So many at once, in one process and over several: who holds a place, who waits, and whose place is free again."""

import asyncio
from typing import Any

from connectors.models.opening import open_models
from connectors.ports.journal import Unavailable
from connectors.ports.model import Message, ModelRequest, Text
from processors.investigate import Facts, Places, Roster, Switchboard
from processors.investigate.switchboard import Got, Lost
from tests.support.model_server import Says, model_server
from tests.support.talk import over, playbook, prepare, provider, run, talk

REQUEST = ModelRequest("x", (Message("user", (Text("hi"),)),), deadline_s=20.0)


def test_places_are_counted_over_all_who_share_a_journal(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            here, there = Places(w.journal), Places(w.journal)
            async with here.one_if_free("x", 2) as first, there.one_if_free("x", 2) as second:
                assert first and second
                async with here.one_if_free("x", 2) as third, there.one_if_free("y", 1) as other:
                    assert not third and other
            async with there.one_if_free("x", 1) as again:
                assert again
            assert await w.journal.get("places", "x") == b"{}"

    asyncio.run(main())


def test_who_waits_goes_on_when_a_place_is_free(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            order: list[str] = []
            taken = asyncio.Event()

            async def hold() -> None:
                async with Places(w.journal).one("x", 1):
                    taken.set()
                    order.append("first")
                    await asyncio.sleep(0)
                    order.append("first left")

            async def wait() -> None:
                await taken.wait()
                async with Places(w.journal).one("x", 1):
                    order.append("second")

            await asyncio.gather(hold(), wait())
            assert order == ["first", "first left", "second"]

    asyncio.run(main())


def test_the_place_of_one_that_was_killed_is_free_after_a_while(world: Any) -> None:
    async def main() -> None:
        async with world() as w:
            dead = Places(w.journal)
            holder = await dead._enter("x", 1)
            assert holder
            async with Places(w.journal).one_if_free("x", 1) as free:
                assert not free
            w.clock.advance(seconds=61)
            async with Places(w.journal).one_if_free("x", 1) as free:
                assert free

    asyncio.run(main())


def test_a_place_that_is_held_for_long_is_renewed(world: Any) -> None:
    async def main() -> None:
        async with world() as w, Places(w.journal, ttl_s=0.03).one("x", 1):
            before = await w.journal.get("places", "x")
            w.clock.advance(seconds=1)
            while await w.journal.get("places", "x") == before:
                await asyncio.sleep(0.01)
            async with Places(w.journal).one_if_free("x", 1) as free:
                assert not free

    asyncio.run(main())


def test_a_journal_that_is_away_holds_up_nobody_who_waits(world: Any) -> None:
    class Away:
        def __init__(self, journal: Any) -> None:
            self._journal = journal

        def __getattr__(self, name: str) -> Any:
            return getattr(self._journal, name)

        async def get(self, _space: str, _key: str) -> bytes:
            raise Unavailable("away")

    async def main() -> None:
        async with world() as w, Places(Away(w.journal)).one("x", 1):  # type: ignore[arg-type]
            pass

    asyncio.run(main())


def test_a_model_is_asked_by_so_many_processes_at_once_and_no_more(world: Any) -> None:
    async def main() -> None:
        gate = asyncio.Event()
        async with world() as w, model_server(lambda _: Says("hello", gate=gate)) as server:
            models = open_models({"p": provider("anthropic", server.url)}, ["p/m"])
            roster = Roster(models, {"default": ("p/m",)}, {"p/m": Facts(concurrency=1)})
            processes = [Switchboard(roster, places=Places(w.journal)) for _ in range(3)]
            asking = [asyncio.ensure_future(each.ask("default", REQUEST, lambda _: None)) for each in processes]
            while not server.calls:
                await asyncio.sleep(0.01)
            answered, _ = await asyncio.wait(asking, timeout=0.3)
            assert not answered and server.calls == 1
            gate.set()
            assert all(isinstance(each, Got) for each in await asyncio.gather(*asking))
            await processes[0].close()

    asyncio.run(main())


def test_a_model_others_keep_busy_is_not_taken_for_a_broken_one() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        async with model_server(lambda _: Says("hello", gate=gate)) as server:
            models = open_models({"p": provider("anthropic", server.url)}, ["p/m"])
            switchboard = Switchboard(Roster(models, {"default": ("p/m",)}, {"p/m": Facts(concurrency=1)}))
            first = asyncio.ensure_future(switchboard.ask("default", REQUEST, lambda _: None))
            while not server.calls:
                await asyncio.sleep(0.01)
            short = ModelRequest(REQUEST.system, REQUEST.messages, deadline_s=0.05)
            for _ in range(5):
                lost = await switchboard.ask("default", short, lambda _: None)
                assert isinstance(lost, Lost) and "no free place" in lost.error
            assert switchboard.health() == {"p/m": True}
            gate.set()
            assert isinstance(await first, Got)
            await switchboard.close()

    asyncio.run(main())


def test_a_playbook_s_bound_holds_over_processes(world: Any) -> None:
    async def main() -> None:
        book = playbook("analyst: {concurrency: 1}\n")
        async with world() as w:
            prepare(w, book)
            elsewhere = Places(w.journal)
            async with talk(w, {}, places=Places(w.journal)) as t:
                async with elsewhere.one_if_free("playbook/looks", 1) as free:
                    assert free
                    await run(t)
                    assert "investigation.started" not in await w.kinds()
                w.clock.advance(seconds=10)
                await t.investigate.drain()
                assert (await t.concluded())["conclusion"]["analyst"] == "none"

    asyncio.run(main())


def test_without_a_shared_journal_places_are_counted_here(world: Any) -> None:
    assert over(world, {}, playbook("analyst: {concurrency: 1}\n"))["conclusion"]["analyst"] == "none"
