"""Where the runbooks are."""

from pathlib import Path

from pydantic import Field

from connectors.ports.connector import Settings


class RunbooksSettings(Settings):
    """Folders of Markdown."""

    folders: tuple[Path, ...] = Field(
        default=(), description="Folders whose Markdown files (*.md, at any depth) are searched; no tools without any"
    )
    url: str | None = Field(
        default=None, description="Where people read them: the path of a file within its folder is put behind it"
    )
