"""A program run for its output: without a shell, in a group of its own that ends with the question."""

import asyncio
import os
import signal
from contextlib import suppress

from connectors.custom.settings import Command
from connectors.ports.process import let_go
from connectors.ports.reading import line
from connectors.ports.tool import ToolFailed

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_COMPLAINT = 2_000
_LOOK_S = 0.02


async def output_of(command: Command, arguments: list[str], *, most: int, deadline_s: float) -> bytes:
    """What it prints. Raises ToolFailed when it cannot run, fails (with its own words), takes too long or says too much."""
    shown = " ".join(arguments)[:300]
    environment = _ENVIRONMENT | {name: value.get_secret_value() for name, value in command.environment.items()}
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=command.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolFailed(f"{shown!r} cannot be run: {error}") from error
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - they were asked for
    complaining = asyncio.ensure_future(_heard(process.stderr))
    saying = asyncio.ensure_future(_read(process.stdout, most + 1))
    try:
        async with asyncio.timeout(deadline_s):
            while not saying.done() and process.returncode is None:
                # `process.wait` returns once its output is closed, which is too late here.
                await asyncio.wait({saying}, timeout=_LOOK_S)
            if process.returncode is not None:
                # What it left behind may hold its output open: it ends here, and so does the output.
                _end(process.pid)
            said = await saying
            if len(said) > most:
                raise ToolFailed(f"{shown!r} printed more than {most} bytes: narrow it")
            complaint = await complaining
            status = await process.wait()
    except TimeoutError as error:
        raise ToolFailed(f"{shown!r} did not end within {deadline_s:g} s") from error
    finally:
        _end(process.pid)
        complaining.cancel()
        saying.cancel()
        await let_go(process)
    if status != 0:
        raise ToolFailed(f"{shown!r} ended with {status}: {line(complaint.decode('utf-8', 'replace'), 500)!r}")
    return said


def _end(group: int) -> None:
    """The program and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """At most so many bytes; of a stream that says more, the rest is left where it is."""
    read = bytearray()
    while len(read) < most and (chunk := await stream.read(min(65_536, most - len(read)))):
        read += chunk
    return bytes(read)


async def _heard(stream: asyncio.StreamReader) -> bytes:
    """The beginning of a stream; the rest is read too, so that nobody waits to be heard."""
    kept = bytearray()
    while chunk := await stream.read(65_536):
        kept += chunk[: _COMPLAINT - len(kept)]
    return bytes(kept)
