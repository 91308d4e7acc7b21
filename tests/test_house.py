"""House rules as tests: everything is documented, nothing is named twice, no file grows without end."""

import ast
import gzip
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from connectors.ports.connector import Connector
from connectors.ports.meters import CounterName, DurationName
from schemas.command import CommandKind
from schemas.payload import DATA
from tocsin.compose import JOURNAL_FIGURES, JOURNAL_STANDING, MODEL_AVAILABLE
from tocsin.reference import offers
from tocsin.registry import connectors_by_name
from tocsin.tool_reference import tool_pages, tool_pages_are_fresh

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
    "wheel"
]["packages"]
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINES_MOST = 300
SENTENCE = re.compile(r"(?:[^.!?]|[.!?](?=\S)|[.!?](?! [A-Z]|$))+[.!?]")


def shipped() -> list[Connector]:
    return [one for one in connectors_by_name().values() if one.settings.__module__.startswith("connectors.")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def documentation() -> str:
    return "\n".join(page.read_text() for page in PAGES)


# ------------------------------------------------------------------------------------------------------------- names


def foreign_claims() -> dict[str, set[str]]:
    """Our top-level names that another installed distribution has too, and which."""
    found = packages_distributions()
    return {name: others for name in PACKAGES if (others := set(found.get(name, ())) - {"tocsin"})}


def test_no_other_installed_distribution_claims_a_package_name_of_ours() -> None:
    assert foreign_claims() == {}


def test_another_distribution_with_such_a_name_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "intruder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("rules\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert foreign_claims() == {"rules": {"intruder"}}


# ------------------------------------------------------------------------------------------------------------- modules


def test_every_module_opens_with_one_sentence() -> None:
    wrong = []
    for module in MODULES:
        docstring = ast.get_docstring(ast.parse(module.read_text())) or ""
        first = " ".join(docstring.split("\n\n")[0].split())
        if not SENTENCE.fullmatch(first):
            wrong.append(f"{named(module)}: {first!r}")
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("The door: HTTP in front of everything.", True),
        ("Reads `tocsin.yaml`, version 1.2, and no more.", True),
        ("One sentence. Another one.", False),
        ("No end", False),
        ("", False),
    ],
)
def test_one_sentence_is_told_from_none_and_two(text: str, holds: bool) -> None:
    assert bool(SENTENCE.fullmatch(text)) is holds


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {named(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MOST} == {}


@pytest.mark.parametrize(
    "name", [path.name for path in sorted((ROOT / "connectors").iterdir()) if (path / "__init__.py").exists()]
)
def test_importing_a_connector_imports_no_other(name: str) -> None:
    program = f"import sys, connectors.{name}; print(*{{m.split('.')[1] for m in sys.modules if m.startswith('connectors.')}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {name, "ports"}


# ------------------------------------------------------------------------------------------------------------- tracked files


@cache
def tracked() -> tuple[Path, ...]:
    done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        pytest.skip(f"no git checkout ({done.stderr.strip()}): run in a clone")
    return tuple(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())


def test_no_tracked_file_names_a_folder_of_somebody_s_machine_or_a_registry() -> None:
    hosts = (("pypi", "org"), ("files.pythonhosted", "org"), ("repo1.maven", "org"), ("deb.debian", "org"))
    forbidden = [f"/{folder}/" for folder in ("work", "root", "home")] + [".".join(host) for host in hosts]
    found = []
    for path in tracked():
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", "replace")
        found += [f"{named(path)} names {word}" for word in forbidden if word in text]
    assert found == []


def test_every_payload_has_a_row_that_says_where_it_comes_from() -> None:
    folders = sorted((ROOT / "tests" / "connectors").glob("*/payloads"))
    assert folders
    missing = []
    for folder in folders:
        told = [file for file in (folder / "SOURCES.md", folder.parent / "SOURCES.md") if file.exists()]
        rows = [line for file in told for line in file.read_text().splitlines() if line.startswith("|")]
        cells = " ".join(row.split("|")[1] for row in rows)
        known = {Path(word.strip("`,")).name for word in cells.split()}
        missing += [
            named(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in known | {"SOURCES.md"}
        ]
    assert missing == []


# ------------------------------------------------------------------------------------------------------------- documentation


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    """Link targets within the repository, code left out."""
    text = re.sub(r"`[^`\n]*`", "", re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in headings(there)):
            broken.append(link)
    assert broken == []


def test_the_index_leads_to_every_page() -> None:
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    pages = {page for page in DOCS.rglob("*.md") if page.parent.name not in ("adr", "tools")} - {DOCS / "README.md"}
    assert sorted(map(named, pages - listed)) == []
    assert {DOCS / "adr" / "README.md", DOCS / "tools" / "README.md"} <= listed


def test_every_tool_has_a_page_that_says_what_its_types_say() -> None:
    assert tool_pages_are_fresh(), "run `python -m tocsin.reference`"
    names = {name for connector in shipped() for name in offers(connector)[0]}
    assert {f"{name}.md" for name in names} == set(tool_pages()) - {"README.md"}


def test_the_index_of_architecture_decisions_leads_to_each() -> None:
    index = DOCS / "adr" / "README.md"
    listed = {(index.parent / link).resolve() for link in links(index)}
    assert sorted(map(named, set((DOCS / "adr").glob("[0-9]*.md")) - listed)) == []


def test_the_changelog_has_a_place_for_what_is_not_released_yet() -> None:
    assert re.search(r"^## Unreleased$", (ROOT / "CHANGELOG.md").read_text(), re.M)


@pytest.mark.parametrize("connector", shipped(), ids=lambda one: one.name)
def test_every_connector_has_a_page_that_names_its_tools_actions_and_settings(connector: Connector) -> None:
    page = DOCS / "connectors" / f"{connector.name}.md"
    assert page.exists(), f"write {named(page)}"
    tools, actions = offers(connector)
    text = page.read_text()
    wanted = [*tools, *actions, *connector.settings.model_fields]
    assert [name for name in wanted if not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", text)] == []


def test_what_connectors_offer_is_what_their_instances_have() -> None:
    """`offers` finds by reading classes; a tool that is there in default settings must be among them."""
    for connector in shipped():
        tools, actions = offers(connector)
        settings = connector.settings()
        assert {tool.name for tool in connector.tools(settings, "default")} <= set(tools)
        assert {action.kind for action in connector.actions(settings, "default")} == set(actions)


def rows_of(page: str) -> dict[str, str]:
    """First cell without its backticks to second cell, of every table row that begins with code."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", (DOCS / page).read_text(), re.M))


def test_every_kind_of_decision_is_explained_in_one_sentence() -> None:
    told = {kind: text for kind, text in rows_of("decisions.md").items() if "." in kind}
    assert set(told) == set(DATA)
    assert [kind for kind, text in told.items() if not text.endswith(".") or len(text) < 15] == []


def test_kinds_of_decision_are_called_reserved_while_no_part_writes_them() -> None:
    reserved = {kind for kind, text in rows_of("decisions.md").items() if text.startswith("*Reserved*")}
    source = "\n".join(path.read_text() for path in MODULES if path.parts[len(ROOT.parts)] in ("rules", "processors"))
    assert reserved == {kind for kind in DATA if f'"{kind}"' not in source}


def test_every_kind_of_command_is_documented() -> None:
    text = (DOCS / "decisions.md").read_text()
    assert [kind for kind in get_args(CommandKind) if f"`{kind}`" not in text] == []


def test_every_metric_is_documented_and_no_other_is() -> None:
    text = (DOCS / "observability.md").read_text()
    journal = {f"tocsin.journal.{name}" for name in (*JOURNAL_FIGURES, *JOURNAL_STANDING)}
    told = set(re.findall(r"`(tocsin\.[a-z]+\.[a-z_]+)`", text))
    assert told == {*get_args(CounterName), *get_args(DurationName), *journal, MODEL_AVAILABLE}


def commands_of(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """`NAME`, or `GROUP NAME`, of everything that can be called."""
    inside = getattr(command, "commands", None)  # of a group; typer brings click's classes under names of its own
    if inside is None:
        yield " ".join(path)
    else:
        for name, inner in inside.items():
            yield from commands_of(inner, (*path, name))


def test_every_command_is_documented() -> None:
    from tocsin.cli.app import app

    known = list(commands_of(typer.main.get_command(app)))
    assert len(known) > 5
    assert [name for name in known if not re.search(rf"tocsin {name}(?![\w-])", documentation())] == []
