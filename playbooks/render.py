"""Rendering: a playbook's body and the texts of its actions, sandboxed, strict and bounded."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from playbooks import untrusted
from playbooks.model import Playbook
from schemas import Conclusion, Incident, Step, to_rfc3339
from schemas.spans import in_words
from schemas.time import SECOND

MAX_CHARACTERS = 60_000
"""What one rendering may come to; Linear and pagers take less kindly to more."""

CONTEXT: dict[str, frozenset[str]] = {
    "incident": frozenset(Incident.model_fields),
    "signals": frozenset(),
    "now": frozenset(),
    "playbook": frozenset({"name", "description", "version"}),
    "steps": frozenset(),
    "conclusion": frozenset(Conclusion.model_fields),
    "investigation_id": frozenset(),
    "news": frozenset(),
}
"""The names a body or template may use, with the fields of those that have a known shape.

`incident`, `signals` (oldest first), `now` (microseconds) and `playbook` are always there; `steps`, `conclusion` and
`investigation_id` once an investigation concluded (None or empty before); `news` is what a follow-up comment tells (a list of
sentences)."""


class RenderFailed(Exception):
    """A template cannot be rendered with what is there; the message names the template and the reason."""


def moment(micros: object) -> untrusted.Safe:
    """`2026-11-21 10:00:03 UTC` of microseconds; `unknown` for anything else."""
    if not isinstance(micros, int):
        return untrusted.Safe("unknown")
    try:
        return untrusted.Safe(to_rfc3339(micros)[:19].replace("T", " ") + " UTC")
    except (OverflowError, ValueError):
        return untrusted.Safe("unknown")


def span(seconds: object) -> untrusted.Safe:
    """`45 s`, `12 min`, `3 h 20 min`, `2 days` of seconds, without sign."""
    return untrusted.Safe(in_words(seconds) if isinstance(seconds, (int, float)) else "an unknown time")


def _percent(share: object) -> untrusted.Safe:
    return untrusted.Safe(f"{round(float(share) * 100)} %" if isinstance(share, (int, float)) else "unknown")


def _finalize(value: object) -> object:
    """What an expression puts out: text nobody marked is escaped, so a forgotten filter shows outside text, never runs it."""
    if isinstance(value, untrusted.Safe):
        return value
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return untrusted.escape(value)
    if isinstance(value, (int, float)):
        return value
    return untrusted.escape(str(value))


def environment(templates: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    """Jinja2, sandboxed and strict, over templates by name. Autoescape is for HTML and stays off; the finalizer escapes Markdown."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        finalize=_finalize,
        loader=FunctionLoader(lambda name: templates.get(name.removesuffix(".j2"))),
    )
    made.filters.update(
        fence=untrusted.fence,
        quote=untrusted.quote,
        prose=untrusted.prose,
        line=lambda text, limit=200: untrusted.Safe(untrusted.line(text, limit)),
        link=untrusted.link,
        moment=moment,
        span=span,
        percent=_percent,
    )
    made.globals = {"range": made.globals["range"], "SECOND": SECOND}
    return made


@lru_cache(maxsize=32)
def _compiled(templates: tuple[tuple[str, str], ...]) -> ImmutableSandboxedEnvironment:
    """An environment kept with its compiled templates: compiling costs far more than rendering."""
    return environment(dict(templates))


def context(
    playbook: Playbook,
    incident: Incident,
    signals: object,
    now: int,
    *,
    steps: tuple[Step, ...] = (),
    conclusion: Conclusion | None = None,
    investigation_id: str | None = None,
    news: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The documented names as plain values: a template gets nothing it could call."""
    return {
        "incident": _plain(incident),
        "signals": _plain(signals),
        "now": now,
        "playbook": {"name": playbook.name, "description": playbook.front.description, "version": playbook.version},
        "steps": _plain(steps),
        "conclusion": _plain(conclusion),
        "investigation_id": investigation_id,
        "news": list(news),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="python")
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def render(playbook: Playbook, template: str | None, values: Mapping[str, Any], *, limit: int = MAX_CHARACTERS) -> str:
    """The playbook's body (template None) or one of its templates, at most `limit` characters; a longer one ends visibly.

    Raises RenderFailed.
    """
    made = _compiled(tuple(playbook.templates.items()))
    name = f"{playbook.name} body" if template is None else template
    try:
        source = made.from_string(playbook.body) if template is None else made.get_template(template)
        return _bounded(source.generate(**values), limit).strip() + "\n"
    except (
        TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise RenderFailed(f"{name!r} of playbook {playbook.name!r} cannot be rendered: {error}") from error


def _bounded(pieces: Any, limit: int) -> str:
    out: list[str] = []
    size = 0
    for piece in pieces:
        out.append(piece)
        size += len(piece)
        if size > limit:
            text = "".join(out)[:limit]
            still_open = sum(row.startswith("```") for row in text.split("\n")) % 2
            return f"{text}\n{'```' if still_open else ''}\n(cut at {limit} characters)"
    return "".join(out)
