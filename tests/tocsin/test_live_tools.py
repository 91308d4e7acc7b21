"""Tools that come and go are there when they are there, and none can take a name that is ours."""

import asyncio
from collections.abc import Sequence

from typing_extensions import override

from connectors.ports.tool import Tool, ToolSource
from tests.support.probe_tool import Probe
from tocsin.live_tools import LiveTools


class Offering(ToolSource):
    """Offers what the test says."""

    def __init__(self, name: str, *offers: Tool) -> None:
        self.name, self.offers = name, offers

    @override
    async def tools(self) -> Sequence[Tool]:
        return self.offers


def test_tools_come_and_go_and_ours_stay() -> None:
    ours, stranger, theirs = Probe("git.log"), Probe("git.log"), Probe("mcp.a.b")
    source = Offering("mcp.a", stranger, theirs)
    tools = LiveTools({"git.log": ours}, [source])
    assert dict(tools) == {"git.log": ours}
    asyncio.run(tools.refresh())
    assert tools["git.log"] is ours and tools["mcp.a.b"] is theirs and len(tools) == 2
    source.offers = ()
    asyncio.run(tools.refresh())
    assert list(tools) == ["git.log"] and "mcp.a.b" not in tools


def test_of_two_sources_that_offer_one_name_the_first_is_taken() -> None:
    first, second = Probe("mcp.a.b"), Probe("mcp.a.b")
    tools = LiveTools({}, [Offering("one", first), Offering("two", second)])
    asyncio.run(tools.refresh())
    assert tools["mcp.a.b"] is first
