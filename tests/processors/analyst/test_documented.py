"""docs/analyst.md says what the code does, and docs/playbooks.md what a playbook may say."""

import dataclasses
from pathlib import Path

import pytest
from jinja2.defaults import DEFAULT_FILTERS

from connectors.stream import StreamSettings
from connectors.stream import connector as stream
from playbooks.library import load_library
from playbooks.model import ARGUMENTS, Analyst, FrontMatter
from playbooks.render import CONTEXT, environment
from processors.analyst import begin, categories, confidence, extent, grounds, inquiry, noise, suspects, verdict, weigh
from processors.analyst.patterns import MEANINGS

DOCS = Path(__file__).parents[3] / "docs"
ANALYST = (DOCS / "analyst.md").read_text()
PLAYBOOKS = (DOCS / "playbooks.md").read_text()


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.name)
def test_every_pattern_is_documented_with_its_category(meaning) -> None:
    sure = "" if meaning.sure == 1 else f" ({meaning.sure:g})"
    assert f"| `{meaning.name}` | {meaning.category} | {meaning.says}{sure} |" in ANALYST


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (begin, "PAUSE_S"), (begin, "LOOK_BACK_S"), (categories, "LEAST"), (suspects, "NAMED"), (suspects, "MENTIONED"),
        (inquiry, "TOLERANCE_S"), (noise, "AT_ONCE_S"), (noise, "SHORT_S"), (noise, "ENOUGH"), (verdict, "ALIKE"),
        (verdict, "WIDE"), (verdict, "MANY_USERS"), (verdict, "MANY"),
    ],
)  # fmt: skip
def test_every_threshold_is_documented_with_its_value(module, name: str) -> None:
    assert f"`{name}` = {getattr(module, name)}" in " ".join(ANALYST.split())


def test_weights_and_limits_are_documented() -> None:
    for name in ("ROOT", "RAISED", "OWN", "NEW_LOG", "OLD_LOG", "NEIGHBOUR", "AFAR"):
        (row,) = [row for row in ANALYST.split("\n") if f"(`{name}`)" in row]
        assert row.endswith(f"| {getattr(categories, name)} |")
    for module, name in (
        (grounds, "CEILING"),
        (grounds, "CULPRIT_CEILING"),
        (grounds, "TIME_ONLY_CEILING"),
        (grounds, "UNKNOWN_CEILING"),
        (grounds, "BLIND_CEILING"),
        (weigh, "UNPROVEN"),
    ):
        assert f"{getattr(module, name):.2f}" in ANALYST and f"(`{name}`)" in ANALYST
    fields = [each.name for each in dataclasses.fields(grounds.Grounds)][:-1]
    assert len(fields) == len(confidence.WEIGHTS) - 1 and f"`INTERCEPT` = {confidence.INTERCEPT}" in ANALYST
    for field, weight in zip(fields, confidence.WEIGHTS[1:], strict=True):
        (row,) = [row for row in ANALYST.split("\n") if row.startswith(f"| `{field}` |")]
        assert row.endswith(f"| {weight} |")
    assert f"`WITNESS` = {verdict.WITNESS}" in ANALYST
    for name in ("GATHER_ATTEMPTS", "WEIGH_ATTEMPTS", "ATTEMPTS"):
        assert f"(`{name}`)" in ANALYST
    assert extent.QUIET == 20 and "at least 20 log lines" in " ".join(ANALYST.split())


def test_every_key_name_filter_tool_and_pack_is_documented() -> None:
    for key in FrontMatter.model_fields:
        assert f"`{key}`" in PLAYBOOKS or f"`{key}." in PLAYBOOKS, key
    assert all(f"`analyst.{key}`" in PLAYBOOKS for key in Analyst.model_fields)
    assert all(f"`{name}`" in PLAYBOOKS for name in (*CONTEXT, *ARGUMENTS, *(each.name for each in load_library())))
    own = set(environment({}).filters) - set(DEFAULT_FILTERS)
    assert own and all(f"`{name}" in PLAYBOOKS for name in own)
    tools = stream.tools(StreamSettings(), "default")  # those of other connectors have pages of their own
    assert all(f"| `{tool.name}` |" in PLAYBOOKS for tool in tools)
