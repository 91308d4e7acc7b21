"""A stock sentry-sdk whose DSN is a Tocsin: what it raises becomes one decision and one Linear issue."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.client import Client
from sentry_sdk.scope import Scope, use_isolation_scope, use_scope

from schemas import Conclusion, LogBatch, Signal
from tests.support.linear_server import LinearServer
from tests.support.program import Here, program, to_linear

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = {"keys": [KEY], "service": "checkout"}
STORY = [
    "incident.opened",
    "playbook.selected",
    "investigation.started",
    "investigation.step",
    "investigation.concluded",
    "action.proposed",
    "action.approved",
    "action.attempted",
    "action.succeeded",
]
"""In which order an incident's first decision of each kind comes."""


def config(linear: LinearServer, **sections: Any) -> dict[str, Any]:
    """A project with a key, and a Linear to act in."""
    return {"connectors": {"sentry": {"projects": {"4": PROJECT}}, "linear": to_linear(linear)}, **sections}


def charge(order: dict[str, int]) -> int:
    """The bug."""
    return order["amount"] * 100


@contextmanager
def client_of(here: Here, *, key: str = KEY, **options: Any) -> Iterator[Client]:
    """A stock client, alone: nothing global is set up, and its threads end with the block."""
    client = Client(
        dsn=here.url.replace("http://", f"http://{key}@") + "/4",
        release="checkout@2.3.1",
        environment="production",
        default_integrations=False,
        **options,
    )
    try:
        yield client
    finally:
        client.close(timeout=5)


def raise_once(client: Client) -> str | None:
    """What an application does: something fails and is reported; the event's id once the SDK has sent all it had."""
    scope = Scope()
    scope.set_client(client)
    with use_isolation_scope(scope), use_scope(scope):
        try:
            charge({"currency": 978})
        except KeyError as error:
            event_id = sentry_sdk.capture_exception(error)
    client.flush(timeout=10)
    return event_id


async def heard(here: Here) -> list[Signal]:
    """The signals that were accepted."""
    return [each for each in await here.inputs() if isinstance(each, Signal)]


def test_an_exception_becomes_one_incident_one_investigation_and_one_issue(
    tmp_path: Path, linear: LinearServer
) -> None:
    async def main() -> None:
        async with program(tmp_path, config(linear)) as here:
            with client_of(here) as client:
                event_id = await asyncio.to_thread(raise_once, client)
                (succeeded,) = await here.until("action.succeeded")
                await here.until("incident.updated", where=lambda each: "OPS-1" in each.because)
                (signal,) = await heard(here)
                (incident,) = await here.incidents()
                (concluded,) = await here.decisions("investigation.concluded")
                assert signal.occurrence_id == event_id and signal.service == "checkout"
                assert (incident.title, incident.severity, incident.status) == ("KeyError: 'amount'", "error", "open")
                assert succeeded.incident_id == concluded.incident_id == incident.id

                conclusion = Conclusion.model_validate(concluded.data["conclusion"])
                steps = {each.data["step"]["id"] for each in await here.decisions("investigation.step")}
                assert conclusion.verdict == "actionable" and conclusion.evidence
                assert {item.cites for item in conclusion.evidence} <= steps | {signal.id}

                (issue,) = linear.issues
                assert (issue["title"], issue["team"], issue["priority"]) == ("checkout: KeyError: 'amount'", "OPS", 2)
                assert (
                    "in `charge`" in issue["description"] and f"tocsin:incident={incident.id}" in issue["description"]
                )
                assert [(each.system, each.id, each.url) for each in incident.external] == [
                    ("linear", issue["id"], issue["url"])
                ]

                kinds = [each.kind for each in await here.decisions() if each.incident_id == incident.id]
                firsts = [kind for kind in dict.fromkeys(kinds) if kind != "incident.updated"]
                assert firsts == STORY

                assert await asyncio.to_thread(raise_once, client) != event_id
                await here.until("incident.updated", where=lambda each: each.data["incident"]["signals"] == 2)
                await here.settle()
                (incident,) = await here.incidents()
                assert len(await heard(here)) == incident.signals == 2
                assert len(await here.decisions("investigation.concluded")) == len(linear.issues) == 1

    asyncio.run(main())


def test_a_wrong_key_is_refused_and_leaves_nothing(tmp_path: Path, linear: LinearServer) -> None:
    async def main() -> None:
        async with program(tmp_path, config(linear)) as here:
            with client_of(here, key="f" * 32) as client:
                await asyncio.to_thread(raise_once, client)
            auth = {"x-sentry-auth": f"Sentry sentry_key={'f' * 32}, sentry_version=7"}
            answer = await here.http.post("/api/4/envelope/", content=b"{}\n", headers=auth)
            assert answer.status_code == 403 and "none of the 1 of project 4" in answer.json()["detail"]
            assert await heard(here) == [] and await here.decisions("incident.opened", "signal.quarantined") == []
            assert await here.metric("tocsin_ingest_refused_total", source="sentry", reason="unauthorised") >= 2

    asyncio.run(main())


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_every_way_the_sdk_compresses_is_read(tmp_path: Path, linear: LinearServer, coding: str) -> None:
    async def main() -> None:
        async with program(tmp_path, config(linear)) as here:
            with client_of(here, _experiments={"transport_compression_algo": coding}) as client:
                assert getattr(client.transport, "_compression_algo", None) == coding, (
                    "this SDK chooses its coding in another way"
                )
                event_id = await asyncio.to_thread(raise_once, client)
                await here.until("incident.opened")
                assert [signal.occurrence_id for signal in await heard(here)] == [event_id]

    asyncio.run(main())


def test_log_lines_of_the_sdk_arrive_as_a_batch(tmp_path: Path, linear: LinearServer) -> None:
    def log(client: Client) -> None:
        scope = Scope()
        scope.set_client(client)
        with use_isolation_scope(scope), use_scope(scope):
            for order in range(3):
                sentry_sdk.logger.error("payment of order {order} refused", order=order)
        client.flush(timeout=10)

    async def main() -> None:
        async with program(tmp_path, config(linear)) as here:
            with client_of(here, enable_logs=True) as client:
                await asyncio.to_thread(log, client)
            batches = [each for each in await here.inputs() if isinstance(each, LogBatch)]
            lines = [line for batch in batches for line in batch.lines]
            assert [line.body for line in lines] == [f"payment of order {order} refused" for order in range(3)]
            assert {line.severity for line in lines} == {"error"} and {batch.service for batch in batches} == {
                "checkout"
            }
            assert await here.metric("tocsin_ingest_log_lines_total", source="sentry") == 3

    asyncio.run(main())


def test_a_burst_of_error_lines_opens_one_incident_for_the_burst(tmp_path: Path, linear: LinearServer) -> None:
    def log(client: Client) -> None:
        scope = Scope()
        scope.set_client(client)
        with use_isolation_scope(scope), use_scope(scope):
            for order in range(25):
                sentry_sdk.logger.error("payment of order {order} refused", order=order)
        client.flush(timeout=10)

    async def main() -> None:
        async with program(tmp_path, config(linear)) as here:
            with client_of(here, enable_logs=True) as client:
                await asyncio.to_thread(log, client)
            (opened,) = await here.until("incident.opened")
            await here.until("investigation.concluded")
            assert opened.actor == "rule:error-burst" and len(await here.incidents()) == 1

    asyncio.run(main())
