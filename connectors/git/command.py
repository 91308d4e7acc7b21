"""Git asked for facts: argument lists without a shell, a clean environment, a deadline, nothing that could write or call out."""

import asyncio
from pathlib import Path

from connectors.ports.process import let_go
from connectors.ports.tool import ToolFailed

MAX_OUTPUT = 4_000_000
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
}
"""All git sees: no GIT_* of ours, no user's or system's configuration, no prompt, no fetch of missing objects."""
_CONFIGURATION = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=false",
    "log.showSignature=false",
    "protocol.allow=never",
)
"""What a clone's own configuration could otherwise run."""


async def git(clone: Path, *arguments: str, deadline_s: float = 8.0, executable: str = "git") -> str:
    """Standard output of `git ARGUMENTS` in `clone`, undecodable bytes replaced.

    Raises ToolFailed with the command and git's own words.
    """
    settings = [part for each in (*_CONFIGURATION, f"safe.directory={clone}") for part in ("-c", each)]
    shown = f"git {' '.join(arguments)!r} in {str(clone)!r}"
    try:
        process = await asyncio.create_subprocess_exec(
            executable,
            "--no-pager",
            *settings,
            *arguments,
            cwd=clone,
            env=_ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:  # the latter for a NUL in an argument
        raise ToolFailed(f"{shown}: cannot be run: {error}") from error
    try:
        async with asyncio.timeout(deadline_s):
            output, complaint = await process.communicate()
    except TimeoutError as error:
        raise ToolFailed(f"{shown}: no answer within {deadline_s:g} s") from error
    finally:
        await let_go(process)
    if process.returncode:
        raise ToolFailed(f"{shown}: exit {process.returncode}: {complaint.decode('utf-8', 'replace').strip()[:500]}")
    if len(output) > MAX_OUTPUT:
        raise ToolFailed(f"{shown}: {len(output)} bytes of output, at most {MAX_OUTPUT} are read")
    return output.decode("utf-8", "replace")


async def answers(clone: Path) -> str:
    """Its latest commit. Raises ToolFailed."""
    found = (await git(clone, "log", "-1", "--format=%h of %cs")).strip()
    return f"{clone} is there; its latest commit is {found}"
