"""What can be seen of brokers, database and fellow processes, and what is said of each fault."""

import asyncio
import re
import uuid

import psycopg

from connectors.journal.kafka import Look, examine_servers, open_kafka_journal
from connectors.ports.brokers import Brokers
from connectors.ports.clock import Clock, ManualClock, SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, NewRecord
from tests.support.postgres_server import Postgres
from tests.support.server import Server
from tests.support.servers import free_port

MINUTE = 60_000_000


def seen(
    kafka: str, postgres: str, tenant: str, *, clock: Clock | None = None, replicas: int = 1
) -> dict[str, list[Look]]:
    async def looks() -> list[Look]:
        looking = examine_servers(
            Brokers.at(kafka), postgres, clock=clock or SystemClock(), tenant=tenant, replicas=replicas
        )
        return [look async for look in looking]

    found: dict[str, list[Look]] = {}
    for look in asyncio.run(looks()):
        found.setdefault(look.about, []).append(look)
    return found


def faults(found: dict[str, list[Look]]) -> dict[str, str]:
    return {look.about: look.found for looks in found.values() for look in looks if look.grade == "fault"}


def fresh() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(kafka: Server, postgres: Postgres) -> None:
    tenant = fresh()
    for _ in range(2):
        found = seen(kafka.address, postgres.url(), tenant)
        assert faults(found) == {}
        assert "the first start makes it" in found["tables"][0].found
        assert [look.grade for look in found["topic"]] == ["note", "note"]


def test_a_process_at_work_is_named_with_its_version_and_clock(kafka: Server, postgres: Postgres) -> None:
    tenant = fresh()

    async def story() -> dict[str, list[Look]]:
        journal = await open_kafka_journal(
            kafka.address, postgres.url(), clock=SystemClock(), tenant=tenant, version="9.9.9"
        )
        try:
            while not await journal.present():
                await asyncio.sleep(0.05)
            assert await journal.acquire("triage", owner="here", ttl_s=30)
            return await asyncio.to_thread(seen, kafka.address, postgres.url(), tenant)
        finally:
            await journal.close()

    found = asyncio.run(story())
    assert faults(found) == {}
    assert "1 of version 9.9.9" in found["processes"][0].found
    assert any("'triage' held by here" in look.found for look in found["lease"])
    assert all("1 of 1 copies are in step" in look.found for look in found["topic"])
    ids = [re.search(r"has the id [0-9a-f-]{36}, as at its beginning", look.found) for look in found["belonging"]]
    assert len(ids) == 2 and all(ids)
    assert seen(kafka.address, postgres.url(), tenant)["processes"][0].grade == "note", "it took itself off the list"


def test_a_clock_that_is_off_a_lease_that_ran_out_and_a_process_that_is_off_are_faults(
    kafka: Server, postgres: Postgres
) -> None:
    tenant = fresh()

    async def story() -> None:
        journal = await open_kafka_journal(kafka.address, postgres.url(), clock=SystemClock(), tenant=tenant)
        try:
            await journal.acquire("triage", owner="gone", ttl_s=-60)
            now = await journal.database.clock()
            await journal.database.rows(
                "INSERT INTO processes VALUES ('elsewhere/1/x', '1', %s, %s)", (MINUTE, now - MINUTE // 60)
            )
        finally:
            await journal.close()

    asyncio.run(story())
    found = faults(seen(kafka.address, postgres.url(), tenant, clock=ManualClock(SystemClock().now() + MINUTE)))
    assert "'triage' of 'gone' ran out" in found["lease"]
    assert "elsewhere/1 is +60.0 s off" in found["clock"]
    ahead = seen(kafka.address, postgres.url(), tenant, clock=ManualClock(SystemClock().now() + MINUTE))["clock"][0]
    assert (ahead.grade, "ahead of the database's" in ahead.found) == ("fault", True)


def test_a_database_that_is_older_than_its_topic_and_one_that_knows_nothing_of_it_are_faults(
    kafka: Server, postgres: Postgres
) -> None:
    tenant, url = fresh(), postgres.fresh_database()

    async def story() -> None:
        journal = await open_kafka_journal(kafka.address, url, clock=SystemClock(), tenant=tenant)
        try:
            for number in range(3):
                async with journal.unit() as unit:
                    unit.append(DECISIONS, NewRecord("decision", b"{}", f"inc_{number}"))
            async with asyncio.timeout(30):
                while len(await journal.read(DECISIONS, after=0)) < 3:
                    await asyncio.sleep(0.02)
        finally:
            await journal.close()

    asyncio.run(story())
    decisions = seen(kafka.address, url, tenant)["belonging"][1]
    assert decisions.grade == "ok"
    assert decisions.found.endswith("holds 3 records; decided up to number 3, published up to 3")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"UPDATE tocsin_{tenant}.streams SET number = 1 WHERE name = 'decisions'")  # type: ignore[arg-type]
    older = seen(kafka.address, url, tenant)
    assert f"PostgreSQL is older than the topic 'tocsin.{tenant}.decisions'" in faults(older)["belonging"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"UPDATE tocsin_{tenant}.streams SET topic_id = 'another'")  # type: ignore[arg-type]
    assert "it was deleted and made anew" in faults(seen(kafka.address, url, tenant))["belonging"]
    unknown = seen(kafka.address, postgres.fresh_database(), tenant)
    assert "holds 3 records, and the database knows nothing of them" in faults(unknown)["belonging"]
    assert [look.grade for look in unknown["belonging"]] == ["note", "fault"]


def test_what_cannot_be_reached_is_told_and_the_rest_is_looked_at_all_the_same(
    kafka: Server, postgres: Postgres
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    found = faults(seen(nobody, f"postgresql://tocsin@{nobody}/x", fresh()))
    assert nobody in found["brokers"] and "PostgreSQL cannot be used" in found["database"]
    assert "brokers" not in faults(seen(kafka.address, f"postgresql://tocsin@{nobody}/x", fresh()))
    assert "asks for 3 copies" in faults(seen(kafka.address, postgres.url(), fresh(), replicas=3))["brokers"]


def test_the_lag_of_a_consumer_and_the_age_of_a_lease_are_told(kafka: Server, postgres: Postgres) -> None:
    async def story() -> None:
        journal = await open_kafka_journal(kafka.address, postgres.url(), clock=SystemClock(), tenant=fresh())
        try:
            await journal.append(INPUTS, [NewRecord("signal", b"{}", "")] * 3)
            async with journal.unit() as unit:
                unit.move("triage", INPUTS, old=0, new=1)
            lags, held = await journal.standing()
            assert [(lag.consumer, lag.stream, lag.entries) for lag in lags] == [("triage", INPUTS, 2)]
            assert "triage" not in [each.name for each in held]
            lease = await journal.acquire("triage", owner="one", ttl_s=0.001)
            assert lease is not None
            await journal.release(lease)
            assert await journal.acquire("triage", owner="two", ttl_s=30)
            [present] = [each for each in (await journal.standing())[1] if each.name == "triage"]
            assert (present.owner, present.takeovers) == ("two", 1)
            assert 0 <= present.age_s < 20 and 0 < present.left_s <= 30
        finally:
            await journal.close()

    asyncio.run(story())
