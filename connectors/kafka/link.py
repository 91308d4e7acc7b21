"""The way to the brokers: addresses and credentials in the forms the two client libraries take."""

import ssl
from collections.abc import Sequence
from typing import Any, assert_never

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from connectors.kafka.settings import KafkaSettings, Security

REQUEST_TIMEOUT_MS = 10_000
CLIENT = "tocsin"
UNKNOWN_TOPIC = 3
"""The protocol's error code for a topic that is not there."""


class OutOfReach(Exception):
    """No broker could be asked, or the topics are not as needed; the message says which, and what to do."""


def security_of(security: Security | None) -> BaseSecurity | None:
    """In FastStream's form. Raises OutOfReach when the file of certificates cannot be read."""
    if security is None:
        return None
    try:
        context = ssl.create_default_context(cafile=security.ca_file) if security.tls else None
    except (OSError, ssl.SSLError) as error:
        raise OutOfReach(f"security.ca_file {str(security.ca_file)!r} cannot be read: {error}") from error
    if not security.username:
        return BaseSecurity(ssl_context=context)
    password = security.password.get_secret_value()
    match security.mechanism:
        case "plain":
            return SASLPlaintext(security.username, password, ssl_context=context)
        case "scram-sha-256":
            return SASLScram256(security.username, password, ssl_context=context)
        case "scram-sha-512":
            return SASLScram512(security.username, password, ssl_context=context)
        case _:
            assert_never(security.mechanism)


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """In aiokafka's form. Raises OutOfReach."""
    return {
        "bootstrap_servers": list(settings.brokers),
        "client_id": CLIENT,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        **parse_security(security_of(settings.security)),
    }


async def partitions(settings: KafkaSettings, topics: Sequence[str]) -> dict[str, list[int]]:
    """The partitions of each topic. Raises OutOfReach when no broker answers or a topic is not there."""
    where = ", ".join(settings.brokers)
    admin = AIOKafkaAdminClient(**connection(settings))
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    except (KafkaError, OSError) as error:
        raise OutOfReach(f"no answer from Kafka at {where}: {error!r}; check brokers and security") from error
    finally:
        await admin.close()
    faults = {each["topic"]: each["error_code"] for each in described if each["error_code"] != 0}
    if missing := sorted(name for name, code in faults.items() if code == UNKNOWN_TOPIC):
        raise OutOfReach(f"Kafka at {where} has no topic {', '.join(map(repr, missing))}; make it, or correct the name")
    if faults:
        raise OutOfReach(f"Kafka at {where} does not show the topics {faults!r} (topic: error code); check permissions")
    return {each["topic"]: sorted(one["partition"] for one in each["partitions"]) for each in described}
