"""The real servers are real, come back with their data, and are set up alike in both ways of having them."""

import asyncio
import os

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.support import kafka_server, postgres_server
from tests.support.kafka_server import fresh_topic
from tests.support.postgres_server import Postgres
from tests.support.server import Process, Server, absent, engine_answers


def test_a_broker_that_was_killed_comes_back_at_its_address_with_what_it_acknowledged() -> None:
    with kafka_server.kafka_server() as server:
        topic = fresh_topic(server, partitions=2)
        asyncio.run(_write(server, topic, b"kept"))
        server.control.kill()
        assert not kafka_server.answers(server.port)
        server.control.start()
        assert asyncio.run(_first(server, topic)) == b"kept"


def test_a_topic_nobody_made_is_not_made_by_asking(kafka: Server) -> None:
    first, second = fresh_topic(kafka), fresh_topic(kafka, partitions=3)
    assert first != second
    assert asyncio.run(_partitions(kafka, second)) == {0, 1, 2}
    assert asyncio.run(_partitions(kafka, "nobody-made-this")) == set()


def test_a_database_that_was_killed_comes_back_with_what_it_committed() -> None:
    with postgres_server.postgres_server() as server:
        url = server.fresh_database()
        with psycopg.connect(url) as connection:
            connection.execute("create table kept as select 1 as one")
        server.control.kill()
        assert not postgres_server.answers(server.port)
        server.control.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("select one from kept").fetchone() == (1,)
            assert connection.execute("show fsync").fetchone() == ("on",)


def test_databases_of_one_server_are_separate_and_need_the_password(postgres: Postgres) -> None:
    first, second = postgres.fresh_database(), postgres.fresh_database()
    with psycopg.connect(first) as connection:
        connection.execute("create table here ()")
    with psycopg.connect(second) as connection:
        assert connection.execute("select to_regclass('here')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(first.replace(postgres_server.PASSWORD, "wrong"))


@pytest.mark.skipif(os.geteuid() != 0 or engine_answers(), reason="only where a root starts processes")
def test_the_database_does_not_run_as_root(postgres: Postgres) -> None:
    assert isinstance(postgres.control, Process)
    assert os.stat(f"/proc/{postgres.control.pid}").st_uid != 0


def test_a_broker_in_a_container_is_set_up_as_the_one_of_jars() -> None:
    container = kafka_server.container(31_000)
    native = kafka_server.properties(
        listen="127.0.0.1:31000", controller="127.0.0.1:31001", advertised="127.0.0.1:31000", data="/anywhere"
    )
    contained = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in container.env.items()
        if name not in ("KAFKA_HEAP_OPTS", "CLUSTER_ID")
    }
    inside = {"listeners", "controller.quorum.voters", "log.dirs"}  # addresses and folders of the container itself
    assert {name for name in native if native[name] != contained.get(name)} == inside
    assert native.keys() == contained.keys()
    assert container.image == f"apache/kafka:{kafka_server.version()}"
    assert dict[str, object](container.ports) == {"9092/tcp": ("127.0.0.1", 31_000)}
    assert container.env["KAFKA_HEAP_OPTS"] == kafka_server.HEAP
    assert kafka_server.command(kafka_server.ROOT)[1:3] == kafka_server.HEAP.split()


def test_a_database_in_a_container_is_set_up_as_the_installed_one() -> None:
    container = postgres_server.container(31_000, {"max_connections": "7"})
    container._configure()
    native = postgres_server.command(kafka_server.ROOT, kafka_server.ROOT, 31_000, {"max_connections": "7"})
    contained = container._command
    assert isinstance(contained, list)
    assert [each for each in contained if "=" in each] == [
        each for each in native if "=" in each and not each.startswith(("listen_addresses", "port", "unix_socket"))
    ]
    assert "max_connections=7" in contained
    assert container.env == {
        "POSTGRES_USER": postgres_server.USER,
        "POSTGRES_PASSWORD": postgres_server.PASSWORD,
        "POSTGRES_DB": postgres_server.DATABASE,
        "POSTGRES_INITDB_ARGS": " ".join(postgres_server.INITDB),
    }
    assert dict[str, object](container.ports) == {"5432/tcp": ("127.0.0.1", 31_000)}


async def _write(server: Server, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server.address, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def _first(server: Server, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(bootstrap_servers=server.address) as consumer:
        consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        await consumer.seek_to_beginning()
        value: bytes | None = (await asyncio.wait_for(consumer.getone(), 20)).value
        return value


async def _partitions(server: Server, topic: str) -> set[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.address)
    await admin.start()
    try:
        [found] = await admin.describe_topics([topic])
        return {each["partition"] for each in found["partitions"]}
    finally:
        await admin.close()


def test_what_is_absent_is_skipped_with_the_command_that_provides_it_but_fails_where_servers_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TOCSIN_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"postgres not found; `\.ci/servers` provides it"):
        absent("postgres")
    monkeypatch.setenv("TOCSIN_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match=r"postgres not found"):
        absent("postgres")
