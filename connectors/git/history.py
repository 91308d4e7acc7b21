"""What a clone's history says: commits before a moment, the files they touch, and who last changed a line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from connectors.git.command import git
from connectors.ports.tool import ToolFailed
from schemas import from_rfc3339, to_rfc3339
from schemas.time import SECOND

_FORMAT = "--format=%x00%H%x00%cI%x00%an%x00%s"
"""Parted by NUL, the one character that neither a name nor a message can hold."""
_SHA = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `at` is when it was committed, microseconds; `files` those the log lists for it."""

    sha: str
    author: str
    at: int
    subject: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blamed:
    """The commit that last changed a line, and the line."""

    commit: Commit
    text: str


async def head_before(clone: Path, moment: int) -> str | None:
    """The last commit on the checked-out branch at or before a moment, or None when there is none."""
    found = (await git(clone, "rev-list", "-1", f"--before={_iso(moment)}", "HEAD", "--")).strip()
    return found if _SHA.fullmatch(found) else None


async def commits(
    clone: Path,
    revision: str,
    *,
    since: int,
    limit: int,
    files: Sequence[str] = (),
    until: int | None = None,
    words: str = "",
    author: str = "",
) -> list[Commit]:
    """Commits reachable from `revision` since a moment, the latest first, merges left out; only those touching `files`, with `words` in
    the message, by an author whose name or address holds `author`, if given. Words and author are taken literally, in any case."""
    narrowed = [f"--until={_iso(until)}"] if until is not None else []
    if words or author:
        narrowed += ["--fixed-strings", "--regexp-ignore-case"]
    narrowed += [f"--grep={words}"] * bool(words) + [f"--author={author}"] * bool(author)
    output = await git(
        clone,
        "log",
        "--no-merges",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        f"--max-count={limit}",
        f"--since={_iso(since)}",
        *narrowed,
        "--name-only",
        _FORMAT,
        "--end-of-options",
        revision,
        "--",
        *files,
    )
    said = output.split("\0")[1:]
    return [_commit(*said[at : at + 4]) for at in range(0, len(said) - 3, 4)]


async def tracked(clone: Path, revision: str) -> list[str]:
    """Every path of that revision."""
    return [each for each in (await git(clone, "ls-tree", "-r", "-z", "--name-only", revision)).split("\0") if each]


async def blame(clone: Path, revision: str, path: str, line: int) -> Blamed | None:
    """Who last changed that line as of that revision; None when the file has no such line."""
    try:
        output = await git(
            clone,
            "blame",
            "--porcelain",
            "--no-progress",
            "--no-textconv",
            f"-L{line},{line}",
            revision,
            "--",
            path,
            deadline_s=6.0,
        )
    except ToolFailed as error:
        if re.search(r"has only \d+ line", str(error)):
            return None
        raise
    said = dict(row.partition(" ")[::2] for row in output.split("\n") if row and not row.startswith("\t"))
    text = next((row[1:] for row in output.split("\n") if row.startswith("\t")), "")
    sha = output.split(" ", 1)[0]
    if not _SHA.fullmatch(sha):
        return None
    committed = int(said.get("committer-time", "0")) * SECOND
    return Blamed(Commit(sha, said.get("author", ""), committed, said.get("summary", ""), (path,)), text)


def match(wanted: str, paths: Sequence[str]) -> str | None:
    """The tracked path a stack frame's file names: the longest common tail, only when no other path has one as long, and only when
    it is all of one of them or more than the file's name. `/srv/app/shop/cart.py` and `./cart.py` both find `shop/cart.py`."""
    parts = [part for part in PurePosixPath(wanted.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    if not parts:
        return None
    best: list[str] = []
    longest = 0
    for path in paths:
        tail = 0
        for mine, theirs in zip(reversed(parts), reversed(path.split("/")), strict=False):
            if mine != theirs:
                break
            tail += 1
        whole = tail in (len(parts), path.count("/") + 1)
        if (tail > 1 or (tail and whole)) and tail >= longest:
            best = [path] if tail > longest else [*best, path]
            longest = tail
    return best[0] if len(best) == 1 else None


def _commit(sha: str, at: str, author: str, rest: str) -> Commit:
    subject, *files = rest.split("\n")
    return Commit(sha, author, from_rfc3339(at), subject, tuple(each for each in files if each))


def _iso(moment: int) -> str:
    return to_rfc3339(moment)[:19] + "Z"
