"""The roster: which models there are, for which role in which order, what each takes, gives and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.ports.model import Model
from processors.analyst.loop.case import Price, Window


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one model."""

    context: int = 128_000
    output: int = 4096
    price: Price = field(default_factory=Price)
    concurrency: int = 8
    """Requests at once, over all processes of a journal."""


@dataclass(frozen=True)
class Roster:
    """Models by `PROVIDER/MODEL`, and by role the ones to ask, in order. After the last there is always the model-free analyst."""

    models: Mapping[str, Model] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, Facts] = field(default_factory=dict)
    default: Facts = field(default_factory=Facts)

    def of(self, name: str) -> Facts:
        """What is known of a model."""
        return self.facts.get(name, self.default)

    def windows(self) -> dict[str, Window]:
        """By role, what holds for every model of it: the least room, the highest price."""
        made: dict[str, Window] = {}
        for role, names in self.roles.items():
            known = [self.of(name) for name in names]
            if not known:
                continue
            prices = [each.price for each in known]
            price = Price(
                input=max(each.input for each in prices),
                output=max(each.output for each in prices),
                cache_read=max(each.cache_read for each in prices),
                cache_write=max(each.cache_write for each in prices),
            )
            made[role] = Window(min(each.context for each in known), min(each.output for each in known), price)
        return made
