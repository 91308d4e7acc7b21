"""A real PostgreSQL on loopback: the distribution's, or in a container.

def test_something(postgres: Postgres) -> None:     # one server for the whole run, from tests/conftest.py
    url = postgres.fresh_database()

with postgres_server() as postgres:                 # one's own, to be killed, paused and started again
    postgres.control.kill()
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

import psycopg
from psycopg import sql
from testcontainers.community.postgres import PostgresContainer

from tests.support.program import until
from tests.support.server import DOCKER_API, START_S, Container, Process, Server, absent, engine_answers
from tests.support.servers import free_port

USER, PASSWORD, DATABASE = "tocsin", "bell-tower", "postgres"
INITDB = ("--encoding=UTF8", "--locale=C", "--auth=scram-sha-256")
SETTINGS = {"fsync": "on", "synchronous_commit": "on", "max_connections": "100", "shared_buffers": "64MB"}
IMAGE = "postgres:15"
UNPRIVILEGED = "postgres"
"""Whom the server runs as when we are root, which it refuses."""


@dataclass(frozen=True)
class Postgres(Server):
    """A PostgreSQL that answers at `address`."""

    def url(self, database: str = DATABASE) -> str:
        """`postgresql://USER:PASSWORD@HOST:PORT/DATABASE`."""
        return f"postgresql://{USER}:{PASSWORD}@{self.address}/{database}"

    def fresh_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.url(name)


def container(port: int, settings: Mapping[str, str] | None = None) -> PostgresContainer:
    """The server as a container definition; describes only, needs no engine."""
    made = PostgresContainer(
        IMAGE, username=USER, password=PASSWORD, dbname=DATABASE, docker_client_kw={"version": DOCKER_API}
    )
    made.with_env("POSTGRES_INITDB_ARGS", " ".join(INITDB))
    made.with_command(["postgres", *options({**SETTINGS, **(settings or {})})])
    made.ports = {"5432/tcp": ("127.0.0.1", port)}  # type: ignore[dict-item]  # docker-py's own form, loopback alone
    return made


def options(settings: Mapping[str, str]) -> list[str]:
    """Settings as command line arguments of `postgres`."""
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def command(binaries: Path, data: Path, port: int, settings: Mapping[str, str] | None = None) -> list[str]:
    """The server as a command line: TCP of loopback alone, no unix socket."""
    where = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    return [str(binaries / "postgres"), "-D", str(data), *options({**SETTINGS, **(settings or {}), **where})]


def binaries() -> Path | None:
    """The newest server's folder of programs under /usr/lib/postgresql, else the one on PATH, else None."""
    installed = [each.parent for each in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if installed:
        return max(installed, key=lambda folder: float(folder.parent.name))
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


@contextmanager
def postgres_server(settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """A server of one's own, with `settings` over the usual ones. Skips the test where there is no way to have one."""
    port = free_port()
    if engine_answers():
        with container(port, settings) as made:
            until(lambda: answers(port), "PostgreSQL in a container", within_s=START_S)
            yield Postgres(f"127.0.0.1:{port}", Container(made, lambda: answers(port)))
        return
    programs = binaries()
    if programs is None:
        absent("postgres")
    folder = Path(tempfile.mkdtemp(prefix="tocsin-postgres-"))
    owner = UNPRIVILEGED if os.geteuid() == 0 else None
    process = Process(
        command(programs, folder / "data", port, settings),
        folder=folder,
        ready=lambda: answers(port),
        owner=owner,
        stop_signal=SIGINT,
    )
    try:
        _initialise(programs, folder, owner)
        process.start()
        yield Postgres(f"127.0.0.1:{port}", process)
    finally:
        process.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs: Path, folder: Path, owner: str | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if owner is not None:
        for path in (folder, secret):
            shutil.chown(path, owner, owner)
    where = [f"--pgdata={folder / 'data'}", f"--username={USER}", f"--pwfile={secret}"]
    done = subprocess.run(
        [programs / "initdb", *where, *INITDB, "--no-sync"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        user=owner,
        group=owner,
        extra_groups=None if owner is None else [],
    )
    assert done.returncode == 0, f"initdb failed: {done.stdout[-1000:]}{done.stderr[-2000:]}"


def answers(port: int) -> bool:
    """Whether a server there takes a query."""
    try:
        url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
