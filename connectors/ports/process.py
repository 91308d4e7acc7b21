"""Letting go of a program that was run for its output."""

import asyncio


async def let_go(process: asyncio.subprocess.Process) -> None:
    """Kill it if it still runs, close its output and wait for its end.

    Without closing, `Process.wait` waits for the end of the output too: for ever, where much of it is left unread, and for as long as somebody
    whom the program started holds it open.
    """
    transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]
    transport.close()
    await process.wait()
