"""A real repository is asked for commits, what one changed, and who changed some lines."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.git import GitSettings, connector
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from tests.support.checkout_story import NOW, ListArchive, checkout_incident, error_signal, exception_event
from tests.support.clone import Repository

CART = "def total(coupon):\n    subtotal = 1\n\n    # what is left\n    #\n    #\n    return subtotal - {} \n"


def ask(name: str, repositories: dict[str, Path], *, service: str = "checkout", **arguments: Any) -> Any:
    tools: dict[str, Tool] = {each.name: each for each in connector.tools(GitSettings(repositories=repositories), "d")}
    signal = error_signal(0, raw=exception_event(), service=service)
    context = ToolContext(checkout_incident([signal], service=service), [signal], ListArchive(), NOW)
    return asyncio.run(tools[name].call(tools[name].arguments(**arguments), context))


def test_commits_are_narrowed_by_path_words_author_and_time(repository: Repository) -> None:
    old = repository.commit("Begin [all]", 20, shop__cart="1\n", other="1\n")
    cart = repository.commit("Round (up) totals", 2, shop__cart="2\n")
    other = repository.commit("Speed up search", 1, other="2\n")
    fix = repository.commit("Round down again", -0.2, shop__cart="3\n")
    here = {"checkout": repository.folder}
    assert [each.commit for each in ask("git.log", here).commits] == [fix, other, cart]
    assert ask("git.log", here).commits[0].before_start_s == -17280.0
    assert [each.commit for each in ask("git.log", here, path="shop").commits] == [fix, cart]
    assert [each.commit for each in ask("git.log", here, words="(UP)").commits] == [cart], "words are no expression"
    assert [each.commit for each in ask("git.log", here, words="[all]", days=30).commits] == [old]
    assert ask("git.log", here, author="grace").commits == ()
    assert len(ask("git.log", here, author="ada@shop").commits) == 3
    assert [each.commit for each in ask("git.log", here, revision=cart, days=30).commits] == [cart, old]
    assert ask("git.log", here, repository="checkout", limit=1).commits[0].commit == fix


def test_an_unknown_clone_is_answered_with_a_near_name(repository: Repository) -> None:
    with pytest.raises(ToolFailed, match=r"no clone is named 'chekout'.*checkout"):
        ask("git.log", {"checkout": repository.folder}, repository="chekout")


@pytest.mark.parametrize("revision", ["--output=/tmp/owned", "-1", "a b", "HEAD;ls", "$(ls)"])
def test_a_revision_made_to_mislead_git_is_refused_before_git_sees_it(revision: str, repository: Repository) -> None:
    for name, field in (
        ("git.log", "revision"),
        ("git.diff", "commit"),
        ("git.diff", "base"),
        ("git.blame", "revision"),
    ):
        with pytest.raises(ValidationError):
            ask(name, {"checkout": repository.folder}, **{field: revision})


@pytest.mark.parametrize("path", ["--output=owned", "../../etc/passwd", ":(glob)**", "\0", "/etc/passwd"])
def test_a_path_made_to_mislead_git_changes_nothing(path: str, repository: Repository) -> None:
    repository.commit("Begin", 1, shop__cart="1\n")
    for name, arguments in (("git.log", {"path": path}), ("git.diff", {"path": path}), ("git.blame", {"file": path})):
        try:
            answer = ask(name, {"checkout": repository.folder}, **arguments)
        except ToolFailed:
            continue
        assert not getattr(answer, "commits", ()) and not getattr(answer, "files", ())
    assert not (repository.folder / "owned").exists()


def test_the_last_change_to_the_trace_before_the_start_is_shown_with_its_patch(repository: Repository) -> None:
    repository.commit("Begin", 20, shop__cart=CART.format("0"), other="1\n")
    suspect = repository.commit(
        "Take coupons off the total\n\nThey were given twice.",
        0.2,
        shop__cart=CART.format("coupon.amount"),
        other="2\n",
    )
    repository.commit("Unrelated", 0.1, other="3\n")
    repository.commit("Too late", -0.1, shop__cart=CART.format("0"))
    answer = ask("git.diff", {"checkout": repository.folder})
    assert (answer.commit, answer.title, answer.message) == (
        suspect,
        "Take coupons off the total",
        "They were given twice.",
    )
    assert [(each.path, each.added, each.removed, each.in_trace) for each in answer.files] == [
        ("shop/cart.py", 1, 1, True),
        ("other.py", 1, 1, False),
    ]
    assert (
        "-    return subtotal - 0 \n+    return subtotal - coupon.amount \n" in answer.patch and answer.patch_complete
    )
    only = ask("git.diff", {"checkout": repository.folder}, path="other.py")
    assert "coupon" not in only.patch and [each.path for each in only.files] == ["other.py"]


def test_two_commits_are_compared_and_moves_are_seen(repository: Repository) -> None:
    first = repository.commit("Begin", 20, shop__cart=CART.format("0"))
    repository.commit("Between", 10, other="1\n")
    repository.git("mv", "shop/cart.py", "shop/basket.py")
    last = repository.commit("Move", 5, other="2\n")
    answer = ask("git.diff", {"checkout": repository.folder}, commit="main", base=first[:10])
    assert (answer.commit, answer.base) == (last, first)
    assert {(each.path, each.moved_from) for each in answer.files} == {
        ("shop/basket.py", "shop/cart.py"),
        ("other.py", None),
    }


def test_a_patch_too_long_is_cut_at_a_whole_part_and_says_so(repository: Repository) -> None:
    repository.commit("Begin", 20, a="1\n", b="1\n")
    repository.commit("Much", 10, a="x\n" * 300, b="y\n" * 30_000)
    answer = ask("git.diff", {"checkout": repository.folder})
    assert not answer.patch_complete and answer.patch.endswith("+y\n")
    assert answer.files[1].added == 30_000
    assert len(answer.model_dump_json()) < 100_000


def test_a_commit_that_is_not_there_is_said_to_be_not_there(repository: Repository) -> None:
    repository.commit("Begin", 20, a="1\n")
    with pytest.raises(ToolFailed, match="deadbeef"):
        ask("git.diff", {"checkout": repository.folder}, commit="deadbeef")


def test_lines_where_the_trace_ends_are_blamed_as_of_the_start(repository: Repository) -> None:
    first = repository.commit("Begin", 20, shop__cart=CART.format("0"))
    culprit = repository.commit("Take coupons off the total", 0.2, shop__cart=CART.format("coupon.amount"))
    repository.commit("Too late", -0.1, shop__cart=CART.format("1"))
    answer = ask("git.blame", {"checkout": repository.folder})
    assert (answer.file, answer.line, answer.latest) == ("shop/cart.py", 7, culprit)
    assert {each.line: each.commit for each in answer.lines} == {**dict.fromkeys(range(2, 7), first), 7: culprit}
    assert answer.lines[-1].text == "    return subtotal - coupon.amount"
    named = ask("git.blame", {"checkout": repository.folder}, file="/srv/checkout/shop/cart.py", line=1, around=0)
    assert [each.text for each in named.lines] == ["def total(coupon):"]


def test_a_line_or_file_that_is_not_there_is_said_to_be_not_there(repository: Repository) -> None:
    repository.commit("Begin", 20, shop__cart=CART.format("0"))
    here = {"checkout": repository.folder}
    with pytest.raises(ToolFailed, match="has no line 900"):
        ask("git.blame", here, file="shop/cart.py", line=900)
    with pytest.raises(ToolFailed, match="is no file of the clone"):
        ask("git.blame", here, file="shop/none.py")


def test_what_a_clone_configures_for_itself_is_not_run(repository: Repository) -> None:
    marker, script = repository.folder / "owned", repository.folder / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {marker}\ncat $1\n")
    script.chmod(0o755)
    repository.commit("Begin", 3, shop__cart=CART.format("0"))
    (repository.folder / ".gitattributes").write_text("*.py diff=evil\n")
    repository.commit("Change", 2, shop__cart=CART.format("coupon.amount"))
    for setting in ("diff.evil.textconv", "diff.evil.command", "diff.external", "core.pager", "core.fsmonitor"):
        repository.git("config", setting, str(script))
    assert "+    return subtotal - coupon.amount" in ask("git.diff", {"checkout": repository.folder}).patch
    assert ask("git.blame", {"checkout": repository.folder}).line == 7
    assert ask("git.log", {"checkout": repository.folder}).commits
    assert not marker.exists()


def test_the_last_patches_before_the_start_come_together_those_of_the_trace_first(repository: Repository) -> None:
    repository.commit("Begin", 20, shop__cart=CART.format("0"), other="1\n")
    suspect = repository.commit("Take coupons off", 1.5, shop__cart=CART.format("coupon.amount"))
    other = repository.commit("Unrelated\n\nwith words", 0.5, other="2\n" * 3000)
    repository.commit("Too late", -0.1, shop__cart=CART.format("1"))
    answer = ask("git.recent_diffs", {"checkout": repository.folder}, characters=500)
    assert [(each.commit, each.touches, each.patch_complete) for each in answer.diffs] == [
        (suspect, ("shop/cart.py",), True),
        (other, (), False),
    ]
    assert "+    return subtotal - coupon.amount" in answer.diffs[0].patch
    assert (answer.diffs[1].message, answer.diffs[1].added, answer.diffs[1].before_start_s) == (
        "with words",
        3000,
        43200.0,
    )
    assert answer.diffs[1].patch.endswith("\n") and len(answer.diffs[1].patch) <= 500
