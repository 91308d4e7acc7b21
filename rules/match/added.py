"""What a rule adds: facts for later signals, and what it knows about the signals it matches."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rules.delivery.said import Part
from schemas.spans import Span

_SETTABLE = ("labels.NAME", "annotations.NAME", "service", "environment", "owner")


def _read_value(value: Any) -> Any:
    """CEL text; a number, true or false stands for itself, null for no value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else value


Expression = Annotated[
    str, BeforeValidator(_read_value), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]


class SaidFact(Part):
    """A fact that is set when the rule fires, and known to conditions from the next signal on."""

    value: Expression = Field(description="A CEL expression over the signal; `null` takes the fact back")
    key: str | None = Field(
        default=None, description="A CEL expression: the fact is a map, and this the key under which the value stands"
    )
    for_: Span | None = Field(
        default=None, alias="for", gt=0, description="How long it is known; without it, until changed"
    )


def read_facts(value: Any) -> Any:
    """From `{deploying: labels.version, for: 30m}`, or with `{value, key, for}` for a fact."""
    if not isinstance(value, dict) or all(isinstance(said, SaidFact) for said in value.values()):
        return value
    span = value.get("for")
    found: dict[str, Any] = {}
    for name, said in value.items():
        if name == "for" and not isinstance(said, dict):
            continue
        full = dict(said) if isinstance(said, dict) else {"value": said}
        if span is not None and not isinstance(span, dict):
            full.setdefault("for", span)
        found[str(name)] = full
    return found


SaidFacts = Annotated[
    dict[str, SaidFact],
    BeforeValidator(read_facts, json_schema_input_type=dict[str, SaidFact | str | int | float | bool | None]),
]


class Lookup(Part):
    """A value out of a table beside the rules: the row whose first column (or key) is `by`, and of it the column `take`."""

    from_: str = Field(alias="from", description="A CSV or YAML file, named from the folder of the rule file")
    by: str = Field(description="A CEL expression: what is looked up in the first column")
    take: str | None = Field(default=None, description="The column; without it, the last one")
    default: str | None = Field(
        default=None, description="The value where the table has no such row; without it, none is set"
    )


def _read_enrichment(value: Any) -> Any:
    return value if isinstance(value, dict | Lookup) else _read_value(value)


Enrichment = Annotated[
    Lookup | str,
    BeforeValidator(_read_enrichment, json_schema_input_type=Lookup | str | int | float | bool | None),
]


def _settable(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        holder, _, key = name.partition(".")
        if not (holder in ("labels", "annotations") and key) and name not in _SETTABLE:
            raise ValueError(f"{name!r} cannot be set; there are {', '.join(_SETTABLE)}")
    return value


SaidEnriched = Annotated[dict[str, Enrichment], AfterValidator(_settable)]
