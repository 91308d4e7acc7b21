"""The story as a terminal shows it: nothing from outside gives it orders."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas import Action, Conclusion, Hypothesis, Incident, Usage, decide
from schemas.payload import Concluded
from tocsin.story import action_view, incident_heading, last_actions, plain, story

INCIDENT = Incident(
    id="inc_0123456789abcdef",
    rule="errors",
    group={"service": "checkout"},
    group_id="grp_1",
    severity="error",
    title="Checkout returns 504",
    service="checkout",
    first_seen=1_795_248_000_000_000,
    last_seen=1_795_248_000_000_000,
    opened_at=1_795_248_000_000_000,
)


def shown(renderable: object) -> str:
    """As a terminal without colours gets it."""
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(renderable)
    return out.getvalue()


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    assert all(character in "\n\t" or character.isprintable() for character in plain(text))


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert plain(text) == "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    assert text.isprintable() is False or plain(text) == text


def test_an_escape_sequence_is_shown_not_obeyed() -> None:
    assert plain("\x1b[2Jred\x07\x9b\u202e") == "\\x1b[2Jred\\x07\\x9b\\x202e"


@given(title=st.text(min_size=1, max_size=60), service=st.text(max_size=20))
def test_a_heading_of_any_text_is_harmless(title: str, service: str) -> None:
    incident = INCIDENT.model_copy(update={"title": title, "service": service})
    assert all(c == "\n" or c.isprintable() for c in shown(incident_heading(incident)).replace("\t", ""))


def test_markup_in_a_title_is_text() -> None:
    text = "[bold]x[/bold] [link=http://evil.example]y[/link] :boom:"
    assert text in shown(incident_heading(INCIDENT.model_copy(update={"title": text})))


def test_a_rehearsal_says_that_nothing_is_sent() -> None:
    assert "nothing is sent" in shown(incident_heading(INCIDENT.model_copy(update={"rehearsal": True})))
    assert "nothing is sent" not in shown(incident_heading(INCIDENT))


def test_an_action_shows_what_would_be_done_why_it_was_not_and_what_failed() -> None:
    action = Action(
        id="act_1",
        kind="linear.create_issue",
        arguments={},
        idempotency_key="key_1",
        incident_id=INCIDENT.id,
        proposed_at=0,
        effect="keyed",
        autonomy="act",
        rendered="# Checkout\n\nbroken \x1b[31m",
        withheld="no api_key",
    )
    text = shown(action_view(action))
    assert all(part in text for part in ("linear.create_issue", "would be done", "broken", "Not sent: no api_key"))
    assert "\x1b" not in text
    failed = shown(action_view(action.model_copy(update={"state": "failed", "error": "401", "withheld": None})))
    assert "failed" in failed and "Failed: 401" in failed and "would be done" not in failed


def test_of_no_decisions_there_is_a_story_of_nothing() -> None:
    assert shown(story([])).strip("─\n ") == "" and last_actions([]) == []


def test_an_action_that_waits_says_how_to_let_it_go() -> None:
    proposed = Action(
        id="act_1", kind="page", idempotency_key="k", autonomy="propose", incident_id="inc_1", proposed_at=1
    )
    assert "waits for a person: tocsin approve act_1, or deny" in shown(action_view(proposed))
    assert "would be done" in shown(action_view(proposed.model_copy(update={"rehearsal": True})))


def test_what_models_took_stands_under_the_conclusion() -> None:
    conclusion = Conclusion(
        verdict="noise", summary="s", hypothesis=Hypothesis(text="h", confidence=0.5), analyst="p/m", unmet=("no tool 'git.*' has answered",)
    )  # fmt: skip
    usage = Usage(model_calls=2, input_tokens=1500, output_tokens=20, cost_usd=0.0123, wall_s=31)
    concluded = decide(
        "investigation.concluded", at=1, actor="analyst", because="x", cause=("c",),
        data=Concluded(playbook="p", conclusion=conclusion, usage=usage),
    )  # fmt: skip
    told = shown(story([concluded]))
    assert "2 questions to models, 1,520 tokens, $0.0123, 31 s" in told and "no tool 'git.*' has answered" in told
