"""What goes out together, is broken off, or is read from a table that PostgreSQL has not counted."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from connectors.journal.kafka.database import at_once
from connectors.journal.kafka.relay import STAND_BY_S
from connectors.journal.kafka.rows import scan
from connectors.ports.journal import NewRecord

Opens = Callable[..., Any]


def test_statements_go_out_together_and_the_first_error_is_raised(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as journal, journal.database.connection() as connection:
            async with at_once(connection):
                first = await connection.execute("SELECT 1")
                second = await connection.execute("SELECT 2")
                assert [await first.fetchall(), await second.fetchall()] == [[(1,)], [(2,)]]
            with pytest.raises(psycopg.errors.DivisionByZero):
                async with at_once(connection):
                    await connection.execute("BEGIN")
                    await connection.execute("SELECT 1 / 0")
                    await connection.execute("SELECT 3")
            await connection.execute("ROLLBACK")
            assert await (await connection.execute("SELECT 4")).fetchall() == [(4,)]

    asyncio.run(main())


def test_what_is_broken_off_waits_for_nobody(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as journal:
            connection = await journal.database.connect()

            async def ask() -> None:
                async with at_once(connection):
                    slow = await connection.execute("SELECT pg_sleep(600)")
                    await slow.fetchall()

            asking = asyncio.create_task(ask())
            await asyncio.sleep(0.3)
            asking.cancel()
            done, _ = await asyncio.wait({asking}, timeout=30)
            assert done == {asking}
            assert asking.cancelled()
            assert connection.closed

    asyncio.run(main())


def test_a_page_of_a_table_that_was_never_counted_is_read_in_the_order_of_its_index(opens: Opens) -> None:
    async def main() -> None:
        async with opens() as journal:
            await journal.database.rows(
                """INSERT INTO spaces (space, key, value)
                   SELECT 'many', 'row/' || md5(n::text), decode(repeat('ab', 400), 'hex') FROM generate_series(1, 20000) AS n"""
            )
            plan: list[str] = []
            rows = journal.database.rows

            async def explained(statement: Any, parameters: Any = (), **named: Any) -> Any:
                plan.extend(line for (line,) in await rows("EXPLAIN " + statement, parameters))
                return await rows(statement, parameters, **named)

            journal.database.rows = explained
            first = await scan(journal.database, "many", "", None, 100)
            assert len(await scan(journal.database, "many", "row/", first[-1][0], 100)) == 100
            said = "\n".join(plan)
            assert said.count("Index Scan using spaces_pkey") == 2
            assert "Sort" not in said

    asyncio.run(main())


def test_a_relay_that_stands_by_does_not_ask_at_each_commit_of_another(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with opens() as one, opens() as two:
            async with one.unit() as unit:
                unit.append("decisions", NewRecord("decision", b"{}"))
            await one.wait("decisions", after=0)
            asked: list[float] = []
            hold = two.relay._hold

            async def holding() -> bool:
                before = two.relay._ask_from
                held = bool(await hold())
                if two.relay._ask_from != before:
                    asked.append(two.relay._ask_from)
                return held

            monkeypatch.setattr(two.relay, "_hold", holding)
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(60):
                async with one.unit() as unit:
                    unit.append("decisions", NewRecord("decision", b"{}"))
            took = loop.time() - began
            assert two.relay.lease is None
            assert len(asked) <= took / STAND_BY_S + 1

    asyncio.run(main())
