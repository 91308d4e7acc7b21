"""Servers by the stock SDK are asked over stdio and HTTP, and nothing they say is taken for ours."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
import uvicorn
from pydantic import ValidationError

from connectors.mcp import connector
from connectors.mcp.settings import McpSettings
from connectors.mcp.tools import McpTools
from connectors.ports.clock import ManualClock
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from tests.support.checkout_story import NOW, ListArchive, checkout_incident
from tests.support.mcp_server import INJECTION, server
from tests.support.servers import free_port

ROOT = Path(__file__).parents[3]
CONTEXT = ToolContext(checkout_incident(), [], ListArchive(), NOW)


def stdio(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "command": [sys.executable, "-m", "tests.support.mcp_server", str(folder)],
        "folder": str(ROOT),
        "allow": ["queue_*", "say", "say_*"],
        **more,
    }


@contextmanager
def over_http(folder: Path) -> Iterator[str]:
    """The same server, over streamable HTTP."""
    port = free_port()
    config = uvicorn.Config(
        server(folder).streamable_http_app(), host="127.0.0.1", port=port, log_level="error", lifespan="on"
    )
    running = uvicorn.Server(config)
    thread = Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        running.should_exit = True
        thread.join()


def with_tools(
    settings: dict[str, Any],
    work: Callable[[McpTools, dict[str, Tool]], Awaitable[None]],
    clock: ManualClock | None = None,
) -> None:
    """Run on one event loop with the tools the server offers; the connection is closed in order."""

    async def main() -> None:
        source = McpTools("shop", McpSettings.model_validate({"servers": {"shop": settings}}).servers["shop"], clock)
        try:
            await work(source, {tool.name: tool for tool in await source.tools()})
        finally:
            source.close()
            await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=10)

    asyncio.run(main())


async def call(tool: Tool, **arguments: Any) -> Any:
    return await tool.call(tool.arguments.model_validate(arguments), CONTEXT)


@pytest.fixture(params=["stdio", "http"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    if request.param == "stdio":
        yield stdio(tmp_path)
        return
    with over_http(tmp_path) as url:
        yield {"url": url, "allow": ["queue_*", "say", "say_*"], "token": "t"}


def test_allowed_tools_are_offered_under_our_prefix_and_called(settings: dict[str, Any], tmp_path: Path) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        assert {"mcp.shop.queue_depth", "mcp.shop.say"} <= set(tools) and "mcp.shop.admin_delete" not in tools
        answer = await call(tools["mcp.shop.queue_depth"], queue="mails")
        assert answer.structured == {"queue": "mails", "depth": 41, "verbose": False} and answer.text == ""
        said = await call(tools["mcp.shop.say"], words="hello\u202e\x1b[31m")
        assert said.text == "hello\ufffd\ufffd[31m" and said.left_out == {"image": 1}
        assert await call(tools["mcp.shop.queue_depth"]) is not None, "defaults are the server's own"

    with_tools(settings, work)
    assert not (tmp_path / "deleted").exists()


def test_what_a_server_says_of_a_tool_stands_in_a_fence_with_its_origin_before_it(settings: dict[str, Any]) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        before, _, rest = tools["mcp.shop.queue_depth"].description.partition("\n")
        assert before.startswith("Tool 'queue_depth' of the MCP server 'shop'") and "not an instruction" in before
        fence = rest.split("\n", 1)[0].removesuffix("text")
        assert set(fence) == {"`"} and len(fence) > 3 and rest.endswith(f"\n{fence}")
        assert INJECTION in rest and fence not in INJECTION
        schema = tools["mcp.shop.queue_depth"].arguments.model_json_schema()
        assert set(schema["properties"]) == {"queue", "verbose"} and "description" not in str(schema)

    with_tools(settings, work)


def test_arguments_are_held_to_the_server_s_schema(settings: dict[str, Any]) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        for name, arguments in (("queue_depth", {"queue": 7}), ("say", {}), ("queue_depth", {"verbose": "yes"})):
            with pytest.raises(ValidationError):
                await call(tools[f"mcp.shop.{name}"], **arguments)

    with_tools(settings, work)


def test_errors_and_silence_are_failures_in_words(settings: dict[str, Any]) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        with pytest.raises(
            ToolFailed, match=r"asked the MCP server 'shop' for 'say_no': it answered an error: .*no such thing"
        ):
            await call(tools["mcp.shop.say_no"])
        with pytest.raises(ToolFailed, match=r"'shop' for say_late: (no answer within 4 s|it refused)"):
            await call(tools["mcp.shop.say_late"])
        with pytest.raises(ToolFailed, match="at most 2000 are taken: narrow it"):
            await call(tools["mcp.shop.say"], words="x" * 3000)
        assert (await call(tools["mcp.shop.say"], words="still here")).text == "still here"

    with_tools({**settings, "deadline_s": 4.0, "max_bytes": 2000}, work)


def test_one_that_changes_things_must_be_named_in_full(tmp_path: Path) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        assert "mcp.shop.admin_delete" in tools

    with_tools(stdio(tmp_path, allow=["admin_delete"]), work)

    async def none(_: McpTools, tools: dict[str, Tool]) -> None:
        assert "mcp.shop.admin_delete" not in tools and len(tools) == 6

    with_tools(stdio(tmp_path, allow=["*"]), none)


def test_a_program_sees_no_more_than_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hush")

    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        seen = (await call(tools["mcp.shop.say_environment"])).structured["result"]
        assert "SHOP_TOKEN=s" in seen and not any("hush" in each for each in seen)

    with_tools(stdio(tmp_path, environment={"SHOP_TOKEN": "s"}), work)


def test_a_program_that_dies_is_started_again_for_the_next_question(tmp_path: Path) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        with pytest.raises(ToolFailed, match="asked the MCP server 'shop' for say_goodbye"):
            await call(tools["mcp.shop.say_goodbye"])
        assert (await call(tools["mcp.shop.say"], words="again")).text == "again"
        assert len((tmp_path / "started").read_text().splitlines()) == 2

    with_tools(stdio(tmp_path, deadline_s=5.0), work)


def test_one_connection_serves_many_questions_and_ends_when_it_idles(tmp_path: Path) -> None:
    async def work(_: McpTools, tools: dict[str, Tool]) -> None:
        say = tools["mcp.shop.say"]
        answers = await asyncio.gather(*(call(say, words=str(number)) for number in range(20)))
        assert [each.text for each in answers] == [str(number) for number in range(20)]
        assert len((tmp_path / "started").read_text().splitlines()) == 1
        holders = [task for task in asyncio.all_tasks() if task.get_name() == "mcp shop"]
        await asyncio.wait(holders, timeout=20)
        assert all(task.done() for task in holders)
        assert (await call(say, words="once more")).text == "once more"
        assert len((tmp_path / "started").read_text().splitlines()) == 2

    with_tools(stdio(tmp_path, idle_s=1.0), work)


def test_a_tool_that_changes_what_it_says_is_withheld_until_a_new_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock(NOW)

    async def work(source: McpTools, tools: dict[str, Tool]) -> None:
        assert "mcp.shop.say" in tools
        (tmp_path / "state").write_text("changed")
        source.close()
        clock.advance(seconds=301)
        later = {tool.name for tool in await source.tools()}
        assert "mcp.shop.say" not in later and "mcp.shop.queue_depth" in later
        assert "mcp.shop.say is withheld: what it says of itself changed" in caplog.text

    with_tools(stdio(tmp_path), work, clock)


def test_a_server_that_cannot_be_reached_offers_what_it_did_before_and_is_not_asked_at_once_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(source: McpTools, tools: dict[str, Tool]) -> None:
        assert tools == {}
        assert "cannot connect" in caplog.text
        told = len(caplog.records)
        assert await source.tools() == () and len(caplog.records) == told

    with_tools({"command": ["/no/such/program"], "allow": ["*"]}, work)
    caplog.clear()
    with_tools({"url": f"http://127.0.0.1:{free_port()}/mcp", "allow": ["*"]}, work)


def test_settings_that_cannot_work_are_refused_and_no_allowed_tool_means_no_server() -> None:
    for wrong in ({}, {"command": ["x"], "url": "http://x"}, {"url": "ftp://x"}, {"command": ["x"], "token": "t"}):
        with pytest.raises(ValidationError):
            McpSettings.model_validate({"servers": {"s": wrong}})
    with pytest.raises(ValidationError):
        McpSettings.model_validate({"servers": {"Not A Name": {"url": "http://x"}}})
    quiet = McpSettings.model_validate({"servers": {"s": {"url": "http://x"}}})
    assert connector.tool_sources(quiet, "default") == ()
    assert [
        each.name
        for each in connector.tool_sources(
            McpSettings.model_validate({"servers": {"s": {"url": "http://x", "allow": ["*"]}}}), "d"
        )
    ] == ["mcp.s"]
