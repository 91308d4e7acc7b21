"""The journal over brokers that ask for TLS and a password."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.journal.kafka import open_kafka_journal
from connectors.ports.brokers import Security
from connectors.ports.clock import SystemClock
from connectors.ports.journal import INPUTS, JournalError, NewRecord, Unavailable
from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import Postgres
from tests.support.server import absent

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="a" user_admin="a"'


@dataclass(frozen=True)
class Guarded:
    """A broker, and the file of the certificate to trust."""

    address: str
    ca_file: Path

    def security(self, password: str = "bell", ca_file: Path | None = None) -> Security:
        told = {"mechanism": "plain", "username": "tocsin", "password": password, "ca_file": ca_file or self.ca_file}
        return Security.model_validate(told)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and its self-signed certificate for 127.0.0.1, PEM."""
    if shutil.which("openssl") is None:
        absent("openssl")
    key, made = folder / "key.pem", folder / "certificate.pem"
    order = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tocsin-tests"]
    subprocess.run(
        [*order, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return key, made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    key, made = certificate(folder)
    store = folder / "broker.pem"
    store.write_text(key.read_text() + made.read_text())
    settings = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": f'{JAAS} user_tocsin="bell";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(made),
    }
    client = {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=made),
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "tocsin",
        "sasl_plain_password": "bell",
    }
    with kafka_server(settings, client) as server:
        yield Guarded(server.address, made)


def test_a_journal_is_written_and_read_over_tls_with_a_password(guarded: Guarded, postgres: Postgres) -> None:
    async def story() -> list[bytes]:
        journal = await open_kafka_journal(
            guarded.address, postgres.url(), clock=SystemClock(), security=guarded.security(), tenant="guarded"
        )
        try:
            await journal.append(INPUTS, [NewRecord("signal", b"one", "")])
            async with journal.unit() as unit:
                unit.append(INPUTS, NewRecord("signal", b"two", ""))
            await journal.wait(INPUTS, after=1, timeout_s=20)
            return [entry.payload for entry in await journal.read(INPUTS, after=0)]
        finally:
            await journal.close()

    assert asyncio.run(story()) == [b"one", b"two"]


def test_a_wrong_password_and_a_stranger_s_certificate_are_told_without_naming_the_password(
    guarded: Guarded, postgres: Postgres, tmp_path: Path
) -> None:
    async def told(security: Security) -> str:
        with pytest.raises(Unavailable) as refused:
            await open_kafka_journal(
                guarded.address, postgres.url(), clock=SystemClock(), security=security, tenant="stranger"
            )
        return str(refused.value)

    wrong = asyncio.run(told(guarded.security("wrong-one")))
    assert "cannot be used" in wrong and "wrong-one" not in wrong
    _, other = certificate(tmp_path)
    assert "cannot be used" in asyncio.run(told(guarded.security(ca_file=other)))


def test_certificates_that_are_not_there_are_named(guarded: Guarded, postgres: Postgres, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"journal\.security\.ca_file '.*none\.pem' cannot be read"):
        asyncio.run(
            open_kafka_journal(
                guarded.address,
                postgres.url(),
                clock=SystemClock(),
                security=guarded.security(ca_file=tmp_path / "none.pem"),
            )
        )
