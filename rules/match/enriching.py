"""What a rule knows about the signals it matches, put on a copy of them that it alone sees."""

from rules.cel import MISSING
from rules.match.compiled import CompiledLookup
from rules.ruleset import CompiledRule
from rules.signals import Fields
from rules.texts import as_text


def enriched(rule: CompiledRule, fields: Fields) -> Fields:
    """The signal with what the rule sets on it. What has no value is not set; later lines see what earlier ones set."""
    found: Fields = {**fields, "labels": dict(fields["labels"])}
    for name, to in rule.matching.enrich:
        if isinstance(to, CompiledLookup):
            value = to.table.rows.get(as_text(to.by.get(found)), {}).get(to.column, to.default)
        else:
            result = to.get(found)
            value = None if result is MISSING or result is None else as_text(result)
        if value is None:
            continue
        holder, _, key = name.partition(".")
        if key:
            found.setdefault(holder, {})[key] = value
        else:
            found[name] = value
    return found
