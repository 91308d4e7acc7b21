"""The server starts, says where, and stops without losing what it is answering."""

import asyncio
import signal
import socket
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route as HttpRoute

from connectors.ports.journal import INPUTS
from tests.support.hmac_source import HmacSource
from tocsin.door import RouteTable, serve


def test_port_0_takes_a_free_port_and_says_which(opened) -> None:
    async def scenario() -> None:
        async with opened() as first, opened() as second:
            assert first.address.port != second.address.port != 0
            assert first.address.url == f"http://127.0.0.1:{first.address.port}"

    asyncio.run(scenario())


def test_a_taken_port_is_said_before_anything_starts() -> None:
    async def scenario() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with serve(Starlette(), "127.0.0.1", port):
                    pass

    asyncio.run(scenario())


def test_signals_stay_with_the_supervisor(opened) -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def scenario() -> None:
        async with opened():
            assert signal.getsignal(signal.SIGTERM) is before

    asyncio.run(scenario())


def test_a_request_under_way_is_answered_when_the_door_closes(opened) -> None:
    async def scenario() -> None:
        async with httpx.AsyncClient() as http:
            async with opened() as line:
                line.journal.gate = asyncio.Event()
                answer = asyncio.create_task(http.post(f"{line.address.url}/in/open", json={"items": [{"id": 1}]}))
                async with asyncio.timeout(5):
                    while not line.journal.waiting:
                        await asyncio.sleep(0)
                asyncio.get_running_loop().call_later(0.1, line.journal.gate.set)
            assert (await answer).status_code == 202
            assert len(line.journal.streams[INPUTS]) == 1
            with pytest.raises(httpx.ConnectError):
                await http.get(f"{line.address.url}/healthz")

    asyncio.run(scenario())


def test_the_rest_has_its_lifespan_and_its_failure_to_start_is_raised() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette):
        steps.append("up")
        yield
        steps.append("down")

    @asynccontextmanager
    async def broken(_app: Starlette):
        raise ValueError("no")
        yield

    async def scenario() -> None:
        async def hello(_request):
            return PlainTextResponse("hello")

        app = Starlette(routes=[HttpRoute("/", hello)], lifespan=lifespan)
        async with serve(app, "127.0.0.1", 0) as address, httpx.AsyncClient() as http:
            assert (await http.get(address.url)).text == "hello"
        assert steps == ["up", "down"]
        with pytest.raises(RuntimeError, match="start-up failed"):
            async with serve(Starlette(lifespan=broken), "127.0.0.1", 0):
                pass

    asyncio.run(scenario())


def test_two_instances_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two instances of 'hmac' are called 'default'"):
        RouteTable([HmacSource(), HmacSource()])
