"""What a commit changed, and who last changed each of some lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.git.command import git
from connectors.git.history import Blamed, Commit
from connectors.ports.tool import ToolFailed
from schemas import from_rfc3339
from schemas.time import SECOND

_SHA = re.compile(r"[0-9a-f]{40,64}")
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--diff-merges=first-parent")


@dataclass(frozen=True, slots=True)
class Touched:
    """A file of a change; None lines for one that is not text. `old` is where it was before it moved."""

    path: str
    added: int | None
    removed: int | None
    old: str | None = None


async def resolve(clone: Path, revision: str) -> str:
    """The commit a branch, tag or abbreviated hash means. Raises ToolFailed."""
    found = await git(clone, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.strip()


async def described(clone: Path, sha: str) -> tuple[Commit, str]:
    """The commit without its files, and its message below the subject."""
    output = await git(clone, "show", "--no-patch", "--no-color", "--format=%cI%x00%an%x00%s%x00%b", sha, "--")
    at, author, subject, body = output.split("\0", 3)
    return Commit(sha, author, from_rfc3339(at), subject, ()), body.strip()


async def touched(clone: Path, sha: str, base: str | None, paths: Sequence[str]) -> list[Touched]:
    """Files changed by a commit (against its first parent), or between two."""
    between = ["diff", base, sha] if base is not None else ["show", "--format=", sha]
    output = await git(clone, between[0], "--numstat", "-z", *_PLAIN, *between[1:], "--", *paths)
    fields = output.split("\0")
    found: list[Touched] = []
    while len(fields) > 1:
        counts = fields.pop(0).lstrip("\n").split("\t", 2)
        if len(counts) < 3:
            break
        added, removed = (int(each) if each.isdecimal() else None for each in counts[:2])
        if counts[2]:
            found.append(Touched(counts[2], added, removed))
        else:  # a move: the two names follow
            old, new = fields.pop(0), fields.pop(0)
            found.append(Touched(new, added, removed, old))
    return found


async def patch(clone: Path, sha: str, base: str | None, paths: Sequence[str]) -> str:
    """The change as unified diff."""
    between = ["diff", base, sha] if base is not None else ["show", "--format=", sha]
    return (await git(clone, between[0], "--patch", *_PLAIN, *between[1:], "--", *paths)).lstrip("\n")


async def blame_lines(clone: Path, revision: str, path: str, first: int, last: int) -> list[tuple[int, Blamed]]:
    """Who last changed each line, as of that revision; empty when the file has no such lines. Raises ToolFailed."""
    try:
        output = await git(
            clone,
            "blame",
            "--porcelain",
            "--no-progress",
            "--no-textconv",
            f"-L{first},{last}",
            revision,
            "--",
            path,
            deadline_s=8.0,
        )
    except ToolFailed as error:
        if re.search(r"has only \d+ line", str(error)):
            return []
        raise
    known: dict[str, dict[str, str]] = {}
    found: list[tuple[int, Blamed]] = []
    sha, number = "", 0
    for row in output.split("\n"):
        head = row.split(" ")
        if row.startswith("\t"):
            said = known[sha]
            at = int(said.get("committer-time", "0")) * SECOND
            found.append(
                (number, Blamed(Commit(sha, said.get("author", ""), at, said.get("summary", ""), ()), row[1:]))
            )
        elif _SHA.fullmatch(head[0]) and len(head) >= 3:
            sha, number = head[0], int(head[2])
            known.setdefault(sha, {})
        elif sha and row:
            key, _, value = row.partition(" ")
            known[sha].setdefault(key, value)
    return found
