"""Credentials on a real broker that asks for them, and certificates that are not there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connectors.kafka.link import OutOfReach, connection, partitions, security_of
from connectors.kafka.settings import KafkaSettings
from tests.support.kafka_server import kafka_server
from tests.support.server import Server

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
ASKS = {
    "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": (
        f'{MODULE} username="admin" password="a" user_admin="a" user_tocsin="bell";'
    ),
}


def credentials(server: Server, password: str) -> KafkaSettings:
    security = {"tls": False, "mechanism": "plain", "username": "tocsin", "password": password}
    return KafkaSettings.model_validate({"brokers": [server.address], "security": security})


@pytest.fixture(scope="module")
def asking() -> Iterator[Server]:
    """A broker that asks for a name and a password."""
    client = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "tocsin",
        "sasl_plain_password": "bell",
    }
    with kafka_server(ASKS, client) as server:
        yield server


def test_the_password_opens_the_broker_and_a_wrong_one_is_told_without_naming_it(asking: Server) -> None:
    async def story() -> dict[str, list[int]]:
        admin = AIOKafkaAdminClient(**connection(credentials(asking, "bell")))
        await admin.start()
        try:
            await admin.create_topics([NewTopic("guarded", 2, 1)])
        finally:
            await admin.close()
        return await partitions(credentials(asking, "bell"), ["guarded"])

    assert asyncio.run(story()) == {"guarded": [0, 1]}
    with pytest.raises(OutOfReach, match="check brokers and security") as refused:
        asyncio.run(partitions(credentials(asking, "wrong-one"), ["guarded"]))
    assert "wrong-one" not in str(refused.value)


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutOfReach, match=r"security\.ca_file '.*none\.pem' cannot be read"):
        security_of(
            KafkaSettings.model_validate({"brokers": ["b:1"], "security": {"ca_file": str(tmp_path / "none.pem")}})
        )


@pytest.mark.parametrize(
    ("mechanism", "sasl"), [("plain", "PLAIN"), ("scram-sha-256", "SCRAM-SHA-256"), ("scram-sha-512", "SCRAM-SHA-512")]
)
def test_every_mechanism_goes_over_tls_unless_it_is_switched_off(mechanism: str, sasl: str) -> None:
    security = {"mechanism": mechanism, "username": "u", "password": "p"}
    made = connection(KafkaSettings.model_validate({"brokers": ["b:1"], "security": security}))
    assert (made["security_protocol"], made["sasl_mechanism"]) == ("SASL_SSL", sasl)
    assert made["ssl_context"].check_hostname
    plain = connection(KafkaSettings.model_validate({"brokers": ["b:1"], "security": {**security, "tls": False}}))
    assert plain["security_protocol"] == "SASL_PLAINTEXT"
    bare = connection(KafkaSettings.model_validate({"brokers": ["b:1"], "security": {}}))
    assert bare["security_protocol"] == "SSL"
