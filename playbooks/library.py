"""The library: all playbooks and templates at hand, those that ship and those of the user, by name."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playbooks.load import check_template, read
from playbooks.model import Playbook
from schemas.document import DocumentInvalid, Fault, near

PACKS = Path(__file__).parent / "packs"
TEMPLATES = Path(__file__).parent / "templates"
FALLBACK = "default"
"""The playbook of incidents whose own is not to be found."""


@dataclass(frozen=True, slots=True)
class Library:
    """Playbooks by name."""

    playbooks: Mapping[str, Playbook]

    def get(self, name: str | None) -> Playbook | None:
        """The playbook of that name, else `default`, else None."""
        found = self.playbooks.get(name) if name is not None else None
        return found if found is not None else self.playbooks.get(FALLBACK)

    def __iter__(self) -> Iterator[Playbook]:
        return iter(self.playbooks.values())


def load_library(
    folder: Path | None = None, *, tools: Collection[str] | None = None, actions: Collection[str] | None = None
) -> Library:
    """What ships, and over it `folder/*.md` and `folder/templates/*.j2`: a playbook or template of the user's replaces the shipped
    one of its name. `tools` and `actions` are the names known (the user's files may use no others; None accepts any).

    Raises DocumentInvalid with every fault of every file, and OSError when a file cannot be read.
    """
    faults: list[Fault] = []
    templates = {path.stem: path.read_text("utf-8") for path in sorted(TEMPLATES.glob("*.j2"))}
    own = sorted((folder / "templates").glob("*.j2")) if folder is not None else []
    templates |= {path.stem: path.read_text("utf-8") for path in own}
    for path in own:
        faults += check_template(str(path), templates[path.stem], templates)
    found = _load(sorted(PACKS.glob("*.md")), templates, faults, None, None)
    if folder is not None:
        found |= _load(sorted(folder.glob("*.md")), templates, faults, tools, actions)
    for playbook in found.values():
        faults += [
            Fault(playbook.file, 1, 1, f"helpers: unknown playbook {name!r}{near(name, found)}")
            for name in playbook.front.helpers
            if name not in found
        ]
    if faults:
        raise DocumentInvalid(faults)
    return Library(found)


def _load(
    paths: list[Path],
    templates: Mapping[str, str],
    faults: list[Fault],
    tools: Collection[str] | None,
    actions: Collection[str] | None,
) -> dict[str, Playbook]:
    found: dict[str, Playbook] = {}
    for path in paths:
        try:
            playbook = read(str(path), path.read_text("utf-8"), templates, tools=tools, actions=actions)
        except DocumentInvalid as refused:
            faults += refused.faults
            continue
        except UnicodeDecodeError as error:
            faults.append(Fault(str(path), 1, 1, f"not UTF-8: {error.reason} at byte {error.start}"))
            continue
        if playbook.name in found:
            message = (
                f"the name {playbook.name!r} is taken by {found[playbook.name].file}; names are unique in a folder"
            )
            faults.append(Fault(str(path), 1, 1, message))
        found.setdefault(playbook.name, playbook)
    return found
