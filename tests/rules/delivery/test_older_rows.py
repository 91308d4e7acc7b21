"""Rows as earlier versions stored them go on as if they had been written today."""

import orjson

from rules.delivery import known
from tests.support.rule_world import World, command, signal

RULES = """rules:
  - {name: alerts, when: type == 'alert', group_by: [service], playbook: p, group_wait: 5s, group_interval: 20s, repeat_interval: 1h}
  - name: down
    when: labels.kind == 'down'
    inhibit: {when: labels.kind == 'slow', equal: [service], sources: last}
"""


def going_on(*, older: bool) -> list[dict[str, object]]:
    """The decisions after a restart in the middle, from rows of an earlier version or of this one."""
    world = World(RULES)
    world.push(0, signal("down", labels={"kind": "down"}), signal("slow", labels={"kind": "slow"}))
    world.push(1, *(signal(f"s{n}", 1, service=f"svc{n}") for n in range(3)))
    world.save()
    if older:
        # Until 2026-11 the fields that conditions read stood in the row as they are.
        for key, content in world.rows.items():
            if key.startswith(known.PREFIX):
                row = orjson.loads(content)
                world.rows[key] = orjson.dumps({**row, "view": orjson.loads(row["view"])})
    world.restart()
    silence = command("silence", 2, matcher='service == "svc1"', until="2026-11-21T11:00:00Z", reason="why")
    out = [
        *world.push(2, silence),
        *world.tick(10),
        *world.push(12, signal("other", 12, labels={"kind": "down"}), signal("s0", 12, service="svc0", revision="2")),
        *world.push(15, signal("down", 15, status="resolved", labels={"kind": "down"})),
        *world.tick(60),
    ]
    world.restart()
    return [orjson.loads(each.to_json()) for each in [*out, *world.tick(4000)]]


def test_what_is_known_of_an_occurrence_may_stand_in_its_row_as_it_is() -> None:
    told = going_on(older=False)
    assert going_on(older=True) == told
    assert {"inhibited", "silenced"} <= {each["data"].get("reason") for each in told}  # type: ignore[attr-defined]
