"""`for` and `absent`: what has to last, and what has to be heard of."""

from rules.engine import Engine
from tests.support.rule_world import World, at, command, rules, said, signal

LASTING = "rules:\n  - {name: r, when: type == 'alert', group_by: [service], for: 1m, playbook: p}\n"
WATCHDOG = (
    "rules:\n  - {name: heartbeat, match: {absent: labels.alertname == 'Watchdog', within: 10m}, playbook: page}\n"
)
BUSY = "rules:\n  - {name: r, when: type == 'log', group_by: [service], match: {count: 3, within: 10s}, for: 15s}\n"


def dog(t: float) -> object:
    return signal("dog", t, labels={"alertname": "Watchdog"}, revision=str(t))


def opened(decisions: list) -> list[str]:
    return [kind for kind in said(decisions) if kind.endswith("opened")]


def test_a_rule_fires_when_it_has_stayed_true_for_its_span() -> None:
    world = World(LASTING)
    assert world.push(0, signal("a")) == []
    world.push(30, signal("b", 30))
    out = [decision for decision in world.tick(100) if not decision.kind.startswith("signal")]
    assert said(out) == ["60s incident.opened", "60s playbook.selected"]
    incident = out[0].data["incident"]
    assert incident["signals"] == 2
    assert sorted(incident["firing"]) == ["a", "b"]
    assert out[0].because == "error alert 'b is wrong' for 1m (rule r, service=checkout)"
    assert incident["first_seen"] == "2026-11-21T10:00:00.000000Z"


def test_what_ends_before_its_span_fires_nothing() -> None:
    world = World(LASTING)
    world.push(0, signal("a"), signal("b"))
    world.push(30, signal("a", 30, status="resolved"))
    world.push(59, signal("b", 59, status="resolved"))
    assert opened(world.tick(200)) == []
    assert not any(key.startswith("waiting/") for key in world.state.rows)
    assert not any(world.state.firing.of(f"alertmanager occurrence_id {name}") for name in "ab")
    world.push(300, signal("a", 300))
    assert opened(world.tick(400)) == ["360s incident.opened"]


def test_one_that_goes_on_keeps_the_group_waiting_when_another_ends() -> None:
    world = World(LASTING)
    world.push(0, signal("a"), signal("b"))
    world.push(30, signal("a", 30, status="resolved"))
    world.restart()
    out = world.tick(200)
    assert opened(out) == ["60s incident.opened"]
    resolved = world.push(210, signal("b", 210, status="resolved"))
    assert said(resolved)[-1] == "210s incident.resolved"


def test_an_alert_that_expires_while_it_waits_fires_nothing() -> None:
    world = World(LASTING)
    world.push(0, signal("a", expires_at=at(45)))
    assert opened(world.tick(200)) == []


def test_waiting_is_recorded() -> None:
    world = World(LASTING)
    world.push(0, signal("a"))
    found = [decision for decision in world.tick(200) if decision.data.get("reason") == "waiting"]
    assert [decision.because for decision in found] == ["1 signal made it true, and it waits for that to last (rule r)"]


def test_signals_join_what_is_open_without_waiting() -> None:
    world = World(LASTING)
    world.push(0, signal("a"))
    world.tick(61)
    assert said(world.push(62, signal("c", 62, severity="critical")))[0] == "62s incident.updated"


def test_a_window_has_to_stay_full_for_the_span() -> None:
    world = World(BUSY)
    for t in (0, 1, 2, 5, 9, 10, 14, 15):
        world.push(t, signal(f"n{t}", t, type="log"))
    assert opened(world.tick(60)) == ["17s incident.opened"]
    lapsing = World(BUSY)
    for t in (0, 1, 2, 13, 14):
        lapsing.push(t, signal(f"n{t}", t, type="log"))
    assert opened(lapsing.tick(60)) == []


def test_a_window_that_was_empty_for_a_moment_begins_its_span_anew() -> None:
    world = World(BUSY)
    for t in (0, 1, 2, 14, 15, 16, 17, 20, 21, 22, 24, 28, 29, 30):
        world.push(t, signal(f"n{t}", t, type="log"))
    assert opened(world.tick(60)) == ["31s incident.opened"]


def test_what_is_not_heard_fires_at_its_moment_and_resolves_when_it_is_heard_again() -> None:
    world = World(WATCHDOG)
    world.push(0, dog(0))
    world.push(300, dog(300))
    out = [decision for decision in world.tick(2000) if not decision.kind.startswith("signal")]
    assert said(out) == ["900s incident.opened", "900s playbook.selected"]
    assert out[0].because == "not heard for 10m: 'dog is wrong' (rule heartbeat)"
    assert out[0].data["incident"]["source"] == "tocsin"
    back = world.push(2500, dog(2500))
    assert said(back) == ["2500s incident.resolved"]
    assert back[0].because == "heard again from alertmanager: 'dog is wrong' (rule heartbeat)"
    assert "3100s incident.opened" not in said(world.push(3099, dog(3099)))


def test_what_was_never_heard_is_missed_from_the_first_input_on() -> None:
    world = World(WATCHDOG)
    world.push(100, signal("other", 100))
    world.restart()
    assert opened(world.tick(5000)) == ["700s incident.opened"]


def test_each_group_that_was_heard_is_missed_by_itself() -> None:
    world = World(
        "rules:\n  - {name: hosts, group_by: [labels.host], match: {absent: type == 'check_in', within: 1m}}\n"
    )
    world.push(
        0, signal("x", type="check_in", labels={"host": "a"}), signal("y", type="check_in", labels={"host": "b"})
    )
    world.push(30, signal("x", 30, type="check_in", labels={"host": "a"}))
    out = [decision for decision in world.tick(500) if decision.kind == "incident.opened"]
    assert [(said([one])[0], one.data["incident"]["group"]) for one in out] == [
        ("60s incident.opened", {"labels.host": "b"}),
        ("90s incident.opened", {"labels.host": "a"}),
    ]


def test_a_new_rule_misses_from_its_activation_on_and_a_rule_that_is_gone_misses_nothing() -> None:
    world = World(LASTING)
    world.push(0, signal("x"))
    watching = rules(WATCHDOG)
    world.engine.offer(watching)
    world.push(50, command("activate_rules", 50, version=watching.version))
    assert world.engine.next_due(world.state) is not None
    plain = rules("rules: [{name: z, when: own}]")
    world.engine.offer(plain)
    gone = World(ruleset=watching)
    gone.push(0, dog(0))
    gone.engine.offer(plain)
    gone.push(10, command("activate_rules", 10, version=plain.version))
    assert opened(gone.tick(5000)) == []
    assert not any(key.startswith("absence/") for key in gone.state.rows)
    assert opened(world.tick(5000)) == ["650s incident.opened"]


def test_rules_that_say_the_same_keep_what_they_wait_for_when_others_change() -> None:
    world = World(WATCHDOG)
    world.push(0, dog(0))
    more = rules(WATCHDOG + "  - {name: z, when: own}\n")
    world.engine.offer(more)
    world.push(300, command("activate_rules", 300, version=more.version))
    assert opened(world.tick(5000)) == ["600s incident.opened"]


def test_engines_with_the_same_inputs_say_the_same() -> None:
    one, other = World(WATCHDOG), World(WATCHDOG)
    assert isinstance(other.engine, Engine)
    for world in (one, other):
        world.push(0, dog(0))
    assert one.tick(5000) == other.tick(5000)


def test_what_was_counted_stays_when_the_number_changes_and_goes_when_the_condition_does() -> None:
    def counting(when: str, number: int) -> str:
        return f"rules:\n  - {{name: r, when: {when}, group_by: [service], match: {{count: {number}, within: 1h}}}}\n"

    for when, fires in (("type == 'log'", True), ("type == 'log' && own == false", False)):
        world = World(counting("type == 'log'", 9))
        world.push(0, *(signal(f"n{n}", type="log") for n in range(3)))
        changed = rules(counting(when, 4))
        world.engine.offer(changed)
        world.push(10, command("activate_rules", 10, version=changed.version))
        world.restart()
        assert bool(opened(world.push(20, signal("last", 20, type="log")))) is fires


def test_what_was_never_heard_is_missed_from_the_start_where_said() -> None:
    text = WATCHDOG.replace("within: 10m", "within: 10m, at_once: true")
    world = World(text)
    world.push(5, signal("other", 5))
    assert said(world.tick(6)) == ["5s incident.opened", "5s playbook.selected"]
    assert "incident.resolved" in " ".join(said(world.push(7, dog(7))))
    assert [kind for kind in said(world.tick(700)) if "incident" in kind] == ["607s incident.reopened"]
    heard = World(text)
    assert opened(heard.push(5, dog(5)) + heard.tick(604)) == []
