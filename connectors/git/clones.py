"""Which local clone a question is about."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from connectors.ports.stack import Frame, app_frames, raised
from connectors.ports.tool import ToolContext, ToolFailed
from schemas.document import near


class Clones:
    """Clones by the name of their service, or by the path prefix its stack traces begin with."""

    def __init__(self, repositories: Mapping[str, Path]) -> None:
        self._repositories = repositories

    def chosen(self, asked: str, context: ToolContext, frames: Sequence[Frame] | None = None) -> tuple[str, Path]:
        """(name, folder) of the one asked for; without a name, the one of the incident's service or stack trace, else the only one.

        Raises ToolFailed when there is none, or it is not there.
        """
        name = asked if asked in self._repositories else None
        if asked and name is None:
            raise ToolFailed(f"no clone is named {asked!r}{near(asked, self._repositories)}")
        if name is None:
            name = self._fitting(context, app_frames(raised(context.signals)) if frames is None else frames)
        clone = self._repositories[name]
        if not clone.is_dir():
            raise ToolFailed(
                f"the clone of {name!r} is not there: {str(clone)!r} is not a folder; clone it, or correct git.repositories"
            )
        return name, clone.resolve()

    def _fitting(self, context: ToolContext, frames: Sequence[Frame]) -> str:
        """By service, else by the longest configured path prefix of a frame."""
        service = context.incident.service
        if service in self._repositories and service is not None:
            return service
        prefixes = [
            prefix
            for prefix in self._repositories
            if any(_begins(frame.path, prefix) or _begins(frame.file, prefix) for frame in frames)
        ]
        if not prefixes:
            raise ToolFailed(
                f"no clone is configured for service {service!r} or its stack trace; configured: {self._known()}"
            )
        return max(prefixes, key=len)

    def _known(self) -> str:
        return ", ".join(sorted(self._repositories)) or "none"


def _begins(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")
