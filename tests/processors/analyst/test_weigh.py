"""What the model-free analyst makes of a night: the verdict, the cause, the changes it blames and those it does not."""

from typing import Any

import pytest

from connectors.ports.stack import culprit, raised
from playbooks.library import load_library
from processors.analyst.check import check
from processors.analyst.conclude import conclude
from processors.analyst.weigh import weigh
from schemas import Conclusion, to_rfc3339
from schemas.time import SECOND
from tests.support.checkout_story import (
    INJECTION,
    MINUTE,
    NOW,
    START,
    ListArchive,
    checkout_incident,
    deploy_signal,
    earlier_incident,
    error_signal,
    exception_event,
    log_signal,
    night,
)

PLAYBOOK = load_library().get("triage-error")


def git_result(*, touches: bool, blamed: bool, minutes: float = 20) -> dict[str, Any]:
    """What `git.recent_changes` answers."""
    commit = {
        "commit": "ab" * 20,
        "at": to_rfc3339(START - round(minutes * MINUTE)),
        "author": "Ada",
        "title": "Take coupons off the total",
        "files": ["shop/cart.py"] if touches else ["search/index.py"],
        "touches": ["shop/cart.py"] if touches else [],
    }
    frame = {"file": "shop/cart.py", "line": 7, "culprit": True, "last_change": commit if blamed else None}
    return {"frames": [frame], "touching": [commit] if touches else [], "recent": [commit]}


def alert(title: str, **fields: Any) -> Any:
    return error_signal(0, title=title, type="alert", raw={"labels": {}}, body="", **fields)


def concluded(gather: Any, signals: list[Any], around: list[Any], **fields: Any) -> Conclusion:
    incident = checkout_incident(signals, severity=signals[0].severity, **{"signals": len(signals), **fields})
    known = fields.pop("known", [])
    steps = gather(incident, signals, ListArchive([*signals, *around], [incident, *known]))
    made = conclude(incident, signals, steps, PLAYBOOK, NOW, investigation_id="inv_1")
    assert check(made, steps, signals, PLAYBOOK) == []
    return made


def test_a_defect_is_told_from_the_trace_and_a_deploy_before_it_is_named_with_doubt(gather: Any) -> None:
    incident, signals, archive = night()
    steps = gather(incident, signals, archive)
    made = weigh(incident, signals, steps, NOW)
    assert (made.verdict, made.category, made.component) == ("actionable", "code_defect", "checkout")
    assert made.change is not None and made.change.title == "Deploy checkout 2.4.1"
    assert made.hypothesis.confidence <= 0.5, "time and service alone are no proof"
    assert "shop/cart.py:7" in made.hypothesis.text and "Perhaps brought by" in made.hypothesis.text
    why = {each.text: each.why for each in made.ruled_out}
    assert "it came 6 min after the trouble began" in why["deploy `Roll back checkout to 2.4.0`"]
    assert "nothing in the evidence points" in why["deploy `Deploy search 7.0.0`"]
    assert {each.cites for each in made.evidence} >= {signals[0].id, "inv_1/1", "inv_1/2"}


def test_a_fresh_commit_that_changed_the_failing_line_is_blamed_beyond_nine_tenths(gather: Any) -> None:
    incident, signals, archive = night()
    found = git_result(touches=True, blamed=True)
    made = weigh(incident, signals, gather(incident, signals, archive, git__recent_changes=found), NOW)
    assert made.change is not None and (made.change.kind, made.change.id) == ("commit", "ab" * 20)
    assert made.hypothesis.confidence > 0.9 and "Most likely brought by" in made.hypothesis.text
    assert made.remediation == "rollback: undo `Take coupons off the total`"


def test_a_line_last_changed_long_ago_did_not_begin_to_fail_by_that(gather: Any) -> None:
    incident, signals, archive = night()
    old = git_result(touches=False, blamed=True, minutes=60 * 24 * 200)
    made = weigh(incident, signals, gather(incident, signals, archive, git__recent_changes=old), NOW)
    assert made.change is None or made.change.kind != "commit"
    assert made.hypothesis.confidence <= 0.9


def test_a_deploy_is_not_blamed_when_the_history_holds_no_commit_in_the_trace(gather: Any) -> None:
    incident, signals, archive = night()
    found = git_result(touches=False, blamed=False)
    made = weigh(incident, signals, gather(incident, signals, archive, git__recent_changes=found), NOW)
    assert made.change is None
    assert "None of the changes before it fits" in made.hypothesis.text
    assert any("Deploy checkout 2.4.1" in each.text for each in made.alternatives)


def test_a_deploy_of_a_problem_that_was_there_before_is_innocent(gather: Any) -> None:
    incident, signals, archive = night()
    before = earlier_incident(
        id="inc_before", group_id=incident.group_id, verdict="actionable", external=(), opened_at=START - 3600 * SECOND
    )
    made = weigh(incident, signals, gather(incident, signals, ListArchive(archive.kept, [incident, before])), NOW)
    assert made.change is None
    assert any("the same problem was there" in each.why for each in made.ruled_out)


def test_a_dependency_that_refuses_is_named_and_the_deploy_of_the_caller_is_not_blamed(gather: Any) -> None:
    raw = exception_event(
        "OperationalError", 'connection to server at "orders-db.internal", port 5432 failed: Connection refused'
    )
    signals = [error_signal(n, title="OperationalError: connection failed", raw=raw) for n in range(3)]
    made = concluded(gather, signals, [deploy_signal(10)])
    assert (made.category, made.component) == ("dependency_failure", "orders-db.internal")
    assert made.change is None
    assert made.remediation is not None and "orders-db.internal" in made.remediation


def test_a_deploy_of_the_dependency_the_errors_name_is_a_suspect(gather: Any) -> None:
    raw = exception_event("ReadTimeout", "HTTPConnectionPool(host='payments.internal', port=443): Read timed out.")
    signals = [error_signal(n, title="ReadTimeout", raw=raw) for n in range(3)]
    made = concluded(gather, signals, [deploy_signal(10, service="payments", title="Deploy payments 9")])
    assert not any("payments 9" in each.text for each in made.ruled_out)
    assert any("payments 9" in each.text for each in made.alternatives) or made.change is not None


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("KeyError: 'STRIPE_API_KEY'", "configuration_error"),
        ("x509: certificate has expired or is not yet valid", "configuration_error"),
        ("KeyError: 'amount'", "code_defect"),
        ("java.lang.NullPointerException", "code_defect"),
        ("java.lang.OutOfMemoryError: Java heap space", "resource_exhaustion"),
        ("OSError: [Errno 28] No space left on device", "resource_exhaustion"),
        ("FATAL: remaining connection slots are reserved", "resource_exhaustion"),
        ("dial tcp: lookup redis on 10.0.0.2:53: no such host", "infrastructure"),
        ("dial tcp 10.0.0.7:6379: connect: connection refused", "dependency_failure"),
        ("upstream request timeout", "dependency_failure"),
        ('null value in column "price" violates not-null constraint', "data_quality"),
        ("json.decoder.JSONDecodeError: Expecting value: line 1", "data_quality"),
        ("Something odd happened", "unknown"),
    ],
)
def test_the_words_of_an_error_tell_the_kind_of_cause(gather: Any, text: str, category: str) -> None:
    made = concluded(gather, [error_signal(0, title=text, body="", raw={})], [])
    assert made.category == category
    assert made.category != "unknown" or made.hypothesis.confidence <= 0.35


def test_a_critical_alert_that_goes_on_and_is_confirmed_is_urgent(gather: Any) -> None:
    signals = [alert("CheckoutErrorRateHigh", severity="critical")]
    made = concluded(gather, signals, [log_signal(n, f"payment {n} failed: connection refused") for n in range(5)])
    assert made.verdict == "urgent"
    assert [action.kind for action in made.actions] == ["linear.create_issue", "page"]


def test_a_critical_alert_nothing_is_known_about_is_urgent_all_the_same(gather: Any) -> None:
    assert concluded(gather, [alert("CheckoutErrorRateHigh", severity="critical")], []).verdict == "urgent"


def test_a_critical_alert_against_which_quiet_logs_speak_does_not_wake_anybody(gather: Any) -> None:
    quiet = [log_signal(n * 10 - 200, "served", severity="info") for n in range(40)]
    made = concluded(gather, [alert("CheckoutErrorRateHigh", severity="critical")], quiet)
    assert made.verdict == "actionable"
    assert "stands alone" in made.summary


def test_what_recovered_at_once_and_alone_is_noise(gather: Any) -> None:
    signals = [alert("HighLatency", severity="warning", status="resolved")]
    ended = {"status": "resolved", "resolved_at": START + 60 * SECOND}
    made = concluded(gather, signals, [], **ended)
    assert (made.verdict, made.category, made.actions) == ("noise", "healthy", ())
    assert "recovered by itself after 60 s" in made.summary


@pytest.mark.parametrize("title", ["Watchdog", "DeadMansSnitch", "InfoInhibitor"])
def test_heartbeats_are_noise_whatever_severity_they_claim(gather: Any, title: str) -> None:
    made = concluded(gather, [alert(title, severity="critical")], [])
    assert (made.verdict, made.lowered_from, made.actions) == ("noise", None, ())


LIES = (
    "This is a test alert from Grafana",
    "Test notification",
    "Watchdog: the database is away",
)


@pytest.mark.parametrize("title", LIES)
@pytest.mark.parametrize(
    ("severity", "verdict", "held"), [("critical", "actionable", "urgent"), ("error", "noise", "actionable")]
)
def test_what_only_its_own_words_call_harmless_is_one_step_milder_and_what_would_have_been_done_waits_for_a_person(
    gather: Any, title: str, severity: str, verdict: str, held: str
) -> None:
    made = concluded(gather, [alert(title, severity=severity)], [])
    assert (made.verdict, made.lowered_from) == (verdict, held)
    kinds = PLAYBOOK.actions_for(held)
    assert {each.kind for each in made.actions} == set(kinds)
    assert all(each.ask == (each.kind not in PLAYBOOK.actions_for(made.verdict)) for each in made.actions)
    assert "approve the actions that wait" in made.next_steps[0]
    assert any("Nothing but its own words" in each.says for each in made.hypothesis.against)


def test_what_another_witness_confirms_is_taken_at_its_word(gather: Any) -> None:
    signals = [alert("Database away: this is a test alert", severity="critical", status="resolved")]
    made = concluded(gather, signals, [], status="resolved", resolved_at=START + 60 * SECOND)
    assert (made.verdict, made.lowered_from, made.actions) == ("noise", None, ())


def test_an_error_in_a_test_suite_of_names_is_no_test_alert(gather: Any) -> None:
    made = concluded(gather, [error_signal(0, title="TypeError: test failed to load latest prices")], [])
    assert made.verdict == "actionable"


def test_an_earlier_episode_with_an_issue_makes_it_known_and_comments_there(gather: Any) -> None:
    incident, signals, archive = night()
    before = earlier_incident(group_id=incident.group_id)
    steps = gather(incident, signals, ListArchive(archive.kept, [incident, before]))
    made = conclude(incident, signals, steps, PLAYBOOK, NOW)
    assert made.verdict == "known"
    assert [(action.kind, action.arguments["issue"]) for action in made.actions] == [("linear.comment", "0b1c-uuid")]


def test_an_open_twin_with_an_issue_makes_it_a_duplicate(gather: Any) -> None:
    incident, signals, archive = night()
    twin = earlier_incident(title=incident.title, status="open", resolved_at=None, verdict=None)
    steps = gather(incident, signals, ListArchive(archive.kept, [incident, twin]))
    assert conclude(incident, signals, steps, PLAYBOOK, NOW).verdict == "duplicate"


def test_a_merely_similar_error_gets_an_issue_of_its_own(gather: Any) -> None:
    incident, signals, archive = night()
    made = conclude(incident, signals, gather(incident, signals, archive), PLAYBOOK, NOW)
    assert made.verdict == "actionable"


def test_the_first_log_line_of_trouble_moves_the_beginning_before_the_first_signal(gather: Any) -> None:
    errors = [log_signal(-240 + 60 * n, f"payment {n} failed: coupon is None") for n in range(12)]
    made = concluded(gather, [error_signal(0)], [*errors, deploy_signal(2)])
    assert "first signs 4 min before the first signal" in made.summary
    assert any("after the trouble began" in each.why for each in made.ruled_out), (
        "the deploy 2 min before the signal came too late"
    )


def test_an_incident_that_ended_meanwhile_is_told_as_over(gather: Any) -> None:
    incident, signals, archive = night()
    over = incident.model_copy(update={"status": "resolved", "resolved_at": START + 9 * MINUTE, "signals": 41})
    steps = gather(
        incident, signals, archive, incident__now={"incident": over.model_dump(mode="json", exclude_none=True)}
    )
    made = weigh(incident, signals, steps, NOW)
    assert "41 signals" in made.summary and "over after 9 min" in made.summary


def test_an_error_that_has_not_come_again_is_not_said_to_go_on(gather: Any) -> None:
    made = concluded(gather, [error_signal(0)], [])
    assert "the last 12 min ago" in made.summary and "going on" not in made.summary
    assert "still going on after 12 min" in concluded(gather, [alert("HighLatency", severity="warning")], []).summary


def test_failing_services_around_it_are_its_blast_radius_in_order(gather: Any) -> None:
    others = [
        error_signal(n + 2, title=f"{name} fails", service=name, raw={})
        for n, name in enumerate(("web", "search", "mail"))
    ]
    made = concluded(gather, [error_signal(0)], others)
    assert made.blast_radius == ("checkout", "web", "search", "mail")
    assert made.verdict == "urgent", "an error that takes three others with it"


def test_what_no_tool_could_say_is_said_to_be_unseen(gather: Any) -> None:
    incident, signals, archive = night()
    steps = gather(incident, signals, archive)
    blind = [each.model_copy(update={"success": False, "result": None, "error": "down"}) for each in steps]
    made = weigh(incident, signals, blind, NOW)
    assert made.verdict == "actionable" and "did not answer" in made.next_steps[-1]
    assert made.hypothesis.confidence < weigh(incident, signals, steps, NOW).hypothesis.confidence + 0.01


def test_an_issue_reads_well_and_keeps_outside_text_in_its_place(gather: Any) -> None:
    signals = [
        error_signal(n, title=INJECTION, body=INJECTION, raw=exception_event("TypeError", INJECTION)) for n in range(2)
    ]
    hostile = [
        deploy_signal(10, title=INJECTION),
        log_signal(3, INJECTION),
        error_signal(4, title=INJECTION, service="web", raw={}),
    ]
    made = concluded(gather, signals, hostile)
    (issue,) = made.actions
    bare = "\n".join(part for index, part in enumerate(issue.arguments["body"].split("`")) if index % 2 == 0)
    for text in ("Ignore previous", "Close all", "everyone", "<img", "evil.example", "7*7"):
        assert text not in bare, f"{text!r} stands outside a code span"
    assert "49" not in issue.arguments["title"] and "\n" not in issue.arguments["title"]
    for heading in ("Most likely cause", "What to do next", "What changed before", "Evidence"):
        assert f"## {heading}" in issue.arguments["body"]


def test_the_culprit_frame_is_the_last_of_our_own_in_the_cause() -> None:
    frame = culprit(raised([error_signal(0)]))
    assert frame is not None and (frame.file, frame.line, frame.function) == ("shop/cart.py", 7, "total")


@pytest.mark.parametrize(
    ("body", "file", "line"),
    [
        (
            'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in f\n    g()\n  File "/srv/b.py", line 9, in g\nKeyError',
            "/srv/b.py",
            9,
        ),
        ("TypeError: x\n    at total (/srv/cart.js:12:7)\n    at pay (/srv/views.js:3:1)", "/srv/cart.js", 12),
        ("java.lang.Error\n\tat shop.Cart.total(Cart.java:41)\n\tat shop.Pay.run(Pay.java:9)", "Cart.java", 41),
        (
            "goroutine 1 [running]:\nmain.total()\n\t/srv/cart.go:12 +0x1d\nmain.main()\n\t/srv/main.go:5 +0x20",
            "/srv/cart.go",
            12,
        ),
    ],
)
def test_traces_in_plain_text_are_read_from_their_own_end(body: str, file: str, line: int) -> None:
    frame = culprit(raised([error_signal(0, raw={}, body=body)]))
    assert frame is not None and (frame.file, frame.line) == (file, line)
