"""A real Apache Kafka broker (KRaft, alone, on loopback): from Maven's jars, or in a container.

def test_something(kafka: Server) -> None:      # one broker for the whole run, from tests/conftest.py
    topic = fresh_topic(kafka, partitions=4)

with kafka_server() as kafka:                   # one's own, to be killed, paused and started again
    kafka.control.kill()
"""

import asyncio
import gc
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from testcontainers.core.container import DockerContainer

from tests.support.program import until
from tests.support.server import DOCKER_API, START_S, Container, Process, Server, absent, engine_answers
from tests.support.servers import free_port
from tests.support.wire import Wire

ROOT = Path(__file__).parents[2]
LIBS = ROOT / ".cache" / "kafka" / "libs"
POM = ROOT / ".ci" / "kafka" / "pom.xml"
CLUSTER_ID = "dG9jc2luLXRlc3RzLWthZg"
HEAP = "-Xms128m -Xmx512m"


def version() -> str:
    """Which Kafka: what the pom names, for both ways."""
    found = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>([^<]+)</version>", POM.read_text())
    assert found, f"no version of kafka_2.13 in {POM}"
    return found[1]


def wired(settings: Mapping[str, str], *, listen: str, advertised: str) -> dict[str, str]:
    """The settings with one more way to the broker: it listens at `listen`, and clients that come by it are sent to `advertised`."""
    return {
        **settings,
        "listeners": f"{settings['listeners']},WIRE://{listen}",
        "advertised.listeners": f"{settings['advertised.listeners']},WIRE://{advertised}",
        "listener.security.protocol.map": f"{settings['listener.security.protocol.map']},WIRE:PLAINTEXT",
    }


def properties(*, listen: str, controller: str, advertised: str, data: str) -> dict[str, str]:
    """`server.properties` of one broker that is its own controller. Topics are not made by merely naming them."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "2000",  # one that was killed may register again after so long
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
    }


def container(port: int, wire: Wire | None = None) -> DockerContainer:
    """The broker as a container definition; describes only, needs no engine."""
    settings = properties(
        listen="0.0.0.0:9092", controller="127.0.0.1:9093", advertised=f"127.0.0.1:{port}", data="/tmp/kafka"
    )
    if wire is not None:
        settings = wired(settings, listen="0.0.0.0:9094", advertised=wire.address)
    made = DockerContainer(f"apache/kafka:{version()}", docker_client_kw={"version": DOCKER_API})
    made.env = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in settings.items()}
    made.with_env("CLUSTER_ID", CLUSTER_ID).with_env("KAFKA_HEAP_OPTS", HEAP)
    made.ports["9092/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]  # docker-py's own form, loopback alone
    if wire is not None:
        made.ports["9094/tcp"] = ("127.0.0.1", wire.to)  # type: ignore[assignment]
    return made


def command(folder: Path) -> list[str]:
    """The broker as a command line, over `folder/server.properties`."""
    java = ["java", *HEAP.split(), "-XX:+UseSerialGC", "-Dlog4j2.level=WARN", "-cp", f"{LIBS}/*"]
    return [*java, "kafka.Kafka", str(folder / "server.properties")]


@contextmanager
def kafka_server(
    settings: Mapping[str, str] | None = None, client: Mapping[str, Any] | None = None, wire: Wire | None = None
) -> Iterator[Server]:
    """A broker of one's own, with `settings` over the usual ones; `client` is what a client of it needs beside the address, such as
    credentials; by way of `wire` it is reached too, by those who come along it for all they do. Skips the test where there is no way to have one."""
    port = free_port()

    def ready() -> bool:
        return answers(port, **(client or {}))

    if engine_answers():
        with _contained(port, settings or {}, ready, wire) as server:
            yield server
    else:
        with _native(port, settings or {}, ready, wire) as server:
            yield server


@contextmanager
def _contained(
    port: int, settings: Mapping[str, str], ready: Callable[[], bool], wire: Wire | None
) -> Iterator[Server]:
    made = container(port, wire)
    made.env.update({"KAFKA_" + name.upper().replace(".", "_"): value for name, value in settings.items()})
    with made:
        until(ready, "Kafka in a container", within_s=START_S)
        yield Server(f"127.0.0.1:{port}", Container(made, ready))


def _needed() -> None:
    if shutil.which("java") is None:
        absent("java (17 or newer)")
    if not (LIBS / f"kafka_2.13-{version()}.jar").exists():
        absent(f"Apache Kafka {version()} in .cache/kafka/libs")


@contextmanager
def kafka_cluster(size: int = 3) -> Iterator[list[Server]]:
    """Brokers that are controllers too, of one cluster, as processes of this machine. Skips the test where there is no way to have them."""
    _needed()
    folder = Path(tempfile.mkdtemp(prefix="tocsin-kafka-"))
    ports = [(free_port(), free_port()) for _ in range(size)]
    voters = ",".join(f"{number}@127.0.0.1:{controller}" for number, (_, controller) in enumerate(ports, 1))
    made: list[Server] = []
    try:
        for number, (port, controller) in enumerate(ports, 1):
            own = folder / f"{number}"
            own.mkdir()
            address = f"127.0.0.1:{port}"
            at = properties(
                listen=address, controller=f"127.0.0.1:{controller}", advertised=address, data=str(own / "data")
            )
            at |= {"node.id": f"{number}", "controller.quorum.voters": voters}
            (own / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in at.items()))
            _format(own / "server.properties")
            process = Process(command(own), folder=own, ready=partial(answers, port))
            made.append(Server(address, process))
        # One alone has no quorum, and answers only with a second.
        for server in made:
            assert isinstance(server.control, Process)
            server.control.begin()
        for server in made:
            assert isinstance(server.control, Process)
            server.control.until_ready()
        yield made
    finally:
        for server in made:
            server.control.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _native(port: int, settings: Mapping[str, str], ready: Callable[[], bool], wire: Wire | None) -> Iterator[Server]:
    _needed()
    folder = Path(tempfile.mkdtemp(prefix="tocsin-kafka-"))
    address = f"127.0.0.1:{port}"
    chosen = properties(
        listen=address, controller=f"127.0.0.1:{free_port()}", advertised=address, data=str(folder / "data")
    )
    if wire is not None:
        chosen = wired(chosen, listen=f"127.0.0.1:{wire.to}", advertised=wire.address)
    file = folder / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in {**chosen, **settings}.items()))
    process = Process(command(folder), folder=folder, ready=ready)
    try:
        _format(file)
        process.start()
        yield Server(address, process)
    finally:
        process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _format(file: Path) -> None:
    tool = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{LIBS}/*"]
    arguments = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", str(file)]
    done = subprocess.run([*tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"the log folder was not formatted: {done.stdout[-1000:]}{done.stderr[-2000:]}"


def answers(port: int, **client: Any) -> bool:
    """Whether a broker there answers a request for metadata and counts itself as alive."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    answered = asyncio.run(_metadata(f"127.0.0.1:{port}", client))
    if not answered:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a client that found no broker forgets its connection
            gc.collect()
    return answered


async def _metadata(address: str, more: Mapping[str, Any]) -> bool:
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=5_000, **more)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


def fresh_topic(
    server: Server, *, partitions: int = 1, prefix: str = "t", config: Mapping[str, str] | None = None
) -> str:
    """A new topic of a name nobody used; returns the name once its partitions have leaders."""
    name = f"{prefix}-{uuid.uuid4().hex[:12]}"
    asyncio.run(make_topic(server, name, partitions=partitions, config=config))
    return name


async def make_topic(
    server: Server, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None
) -> None:
    """Make a topic; returns once its partitions have leaders."""
    admin = AIOKafkaAdminClient(bootstrap_servers=server.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(config or {}))])
        async with asyncio.timeout(START_S):
            while not await _led(admin, name, partitions):
                await asyncio.sleep(0.01)
    finally:
        await admin.close()


async def _led(admin: AIOKafkaAdminClient, name: str, partitions: int) -> bool:
    [topic] = await admin.describe_topics([name])
    leaders = [each["leader"] for each in topic.get("partitions", ()) if each["error_code"] == 0]
    return len(leaders) == partitions and all(leader > 0 for leader in leaders)
