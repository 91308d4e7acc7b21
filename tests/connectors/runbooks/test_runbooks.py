"""The section that fits is found, whatever else stands on the shelf."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.tool import Tool, ToolFailed
from connectors.runbooks import connector
from connectors.runbooks.sections import sections
from connectors.runbooks.settings import RunbooksSettings
from schemas import Link
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import checkout_incident

DATABASE = """---
owner: storage
---
# Database

General words about the database.

## Connection pool exhausted

Look at `pg_stat_activity`. Restart the pooler when connections idle in transaction pile up.

```
# not a heading
select * from pg_stat_activity;
```

### When it does not help

Call the storage team.

## Disk full

Delete old WAL segments, then resize the volume.
"""
CHECKOUT = (
    "# Checkout\n\n## Coupons\n\nA `NoneType` has no attribute amount: the coupon cache is cold. Run `warm-coupons`.\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "books" / "storage").mkdir(parents=True)
    (tmp_path / "books" / "storage" / "database.md").write_text(DATABASE)
    (tmp_path / "books" / "checkout.md").write_text(CHECKOUT)
    (tmp_path / "books" / "notes.txt").write_text("connection pool exhausted")
    (tmp_path / "books" / "binary.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "books" / "huge.md").write_text("connection pool exhausted " * 60_000)
    return tmp_path / "books"


@pytest.fixture
def tools(folder: Path) -> dict[str, Tool]:
    return tools_of(connector, folders=[str(folder)], url="https://wiki.example/books/")


def test_a_file_is_cut_by_its_headings_and_code_has_none() -> None:
    assert [(each.heading, each.line) for each in sections("d.md", DATABASE)] == [
        ("Database", 4),
        ("Database > Connection pool exhausted", 8),
        ("Database > Connection pool exhausted > When it does not help", 17),
        ("Database > Disk full", 21),
    ]
    assert [(each.heading, each.text) for each in sections("x.md", "only words")] == [("", "only words")]
    assert list(sections("x.md", "# A\n## B\n")) == []


@given(st.text(alphabet="#`~ ab\n", max_size=200))
def test_no_word_of_a_file_is_lost(text: str) -> None:
    kept = "".join(f"{each.heading}{each.text}" for each in sections("x.md", f"{text}\nlast"))
    headings = [row for row in text.split("\n") if row.lstrip().startswith("#")]
    if not headings:
        assert kept.count("a") == text.count("a") + 1 and kept.count("b") == text.count("b")


def test_the_incident_s_own_words_find_the_section_that_fits(tools: dict[str, Tool]) -> None:
    found = ask(tools["runbooks.search"])
    assert found.sections[0].file == "checkout.md" and found.sections[0].heading == "Checkout > Coupons"
    assert found.sections[0].url == "https://wiki.example/books/checkout.md"
    assert found.searched == 5, "what is no text, no Markdown or too large is passed over"


def test_words_find_a_section_and_headings_count_more_than_text(tools: dict[str, Tool]) -> None:
    found = ask(tools["runbooks.search"], query="connection pool is exhausted", characters=100)
    first = found.sections[0]
    assert (first.file, first.heading, first.line) == (
        os.path.join("storage", "database.md"),
        "Database > Connection pool exhausted",
        8,
    )
    assert not first.complete and len(first.text) == 100
    assert ask(tools["runbooks.search"], query="zebra").sections == ()
    assert ask(tools["runbooks.search"], query="the of and").sections == (), "words that stand everywhere find nothing"


def test_a_runbook_the_incident_links_to_comes_first(tools: dict[str, Tool]) -> None:
    link = Link(rel="runbook", url="https://runbooks.example/v2/Database.html#disk")
    found = ask(tools["runbooks.search"], incident=checkout_incident(links=(link,)))
    assert found.sections[0].linked and found.sections[0].file.endswith("database.md")
    assert any(each.file == "checkout.md" and not each.linked for each in found.sections)


def test_a_runbook_is_read_in_full_or_by_heading(tools: dict[str, Tool]) -> None:
    best = ask(tools["runbooks.read"])
    assert best.file == "checkout.md" and "warm-coupons" in best.text
    disk = ask(tools["runbooks.read"], file="storage/database.md", heading="disk")
    assert "WAL" in disk.text and "pg_stat_activity" not in disk.text and len(disk.headings) == 4
    with pytest.raises(ToolFailed, match=r"there is no runbook 'checkut\.md'; did you mean 'checkout\.md'"):
        ask(tools["runbooks.read"], file="checkut.md")
    with pytest.raises(ToolFailed, match="has no heading with 'zebra'"):
        ask(tools["runbooks.read"], file="checkout.md", heading="zebra")


@pytest.mark.parametrize("file", ["../secret.md", "/etc/passwd", "link.md", "storage/../../secret.md"])
def test_nothing_outside_the_folder_is_read(file: str, folder: Path, tools: dict[str, Tool]) -> None:
    (folder.parent / "secret.md").write_text("# Secret\n\nzebra\n")
    (folder / "link.md").symlink_to(folder.parent / "secret.md")
    with pytest.raises(ToolFailed, match="there is no runbook"):
        ask(tools["runbooks.read"], file=file)
    assert ask(tools["runbooks.search"], query="zebra").sections == ()


def test_a_changed_file_is_read_again_and_one_that_is_gone_is_forgotten(folder: Path, tools: dict[str, Tool]) -> None:
    assert ask(tools["runbooks.search"], query="zebra").sections == ()
    (folder / "checkout.md").write_text("# Zebra\n\nzebra crossing\n")
    assert ask(tools["runbooks.search"], query="zebra").sections[0].file == "checkout.md"
    (folder / "checkout.md").unlink()
    assert ask(tools["runbooks.search"], query="zebra").sections == ()


def test_without_a_folder_there_are_no_tools() -> None:
    assert connector.tools(RunbooksSettings(), "default") == ()
