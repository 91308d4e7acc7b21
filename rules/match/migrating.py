"""Other rules are in force: the state of what did not change stays, that of what is gone or means something else now goes."""

from rules.bounds import MEANT, rule_of
from rules.match import absence, holding
from rules.turn import Turn


def migrate(turn: Turn) -> None:
    """Called once the turn has its new rules. What went is not missed: no deadline of an old rule comes any more."""
    memories = {rule.name: rule.matching.memory for rule in turn.ruleset.rules}
    for key, row in turn.state.rows.looked_through(lambda key: key.partition("/")[0] in MEANT):
        if row["memory"] == memories.get(rule_of(key)):
            continue
        if key.startswith("waiting/"):
            holding.forget(turn, key, turn.state.rows[key])
        else:
            turn.state.delete(key)
    absence.begin(turn)
