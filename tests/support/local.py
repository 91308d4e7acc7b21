"""A Kafka and a PostgreSQL on this machine to try scaling out with, until Ctrl-C: `python -m tests.support.local`.

What they hold is gone afterwards.
"""

import asyncio
import signal
import sys
from contextlib import ExitStack

import pytest

from tests.support.kafka_server import kafka_server
from tests.support.postgres_server import postgres_server


def section(kafka: str, postgres: str) -> str:
    """The part of `tocsin.yaml` that leads to them."""
    return f"journal:\n  kafka: {kafka}\n  postgres: {postgres}\n  tenant: default\n"


async def _until_stopped() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main() -> None:
    """Start both, say where they are on standard output, stop them at SIGINT or SIGTERM."""
    with ExitStack() as stack:
        try:
            kafka = stack.enter_context(kafka_server())
            postgres = stack.enter_context(postgres_server())
        except pytest.skip.Exception as error:
            sys.exit(str(error))
        print(section(kafka.address, postgres.fresh_database()), flush=True)
        asyncio.run(_until_stopped())


if __name__ == "__main__":
    main()
