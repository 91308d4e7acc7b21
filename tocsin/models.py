"""Models in the configuration: providers, roles, prices and budgets; and what investigations are given of them."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field, model_validator

from connectors.models.opening import open_models
from connectors.models.settings import Provider
from connectors.ports.connector import Settings
from connectors.ports.meters import Meters
from processors.analyst.loop.case import Price
from processors.ingest import Redactor
from processors.investigate import Facts, Limits, Places, Roster, Storms, Switchboard
from schemas.spans import UNITS, Span
from schemas.time import SECOND

NONE = "none"
"""What may stand in a role for the model-free analyst: it is the last of every role anyway."""


class Prices(Settings):
    """US dollars for a million tokens, as the provider's price list has them."""

    input: float = Field(default=0, ge=0, description="Tokens read")
    output: float = Field(default=0, ge=0, description="Tokens written, thinking included")
    cache_read: float = Field(default=0, ge=0, description="Tokens read from the provider's cache")
    cache_write: float = Field(default=0, ge=0, description="Tokens written into it")


class Known(Settings):
    """What is known of a model."""

    context: int = Field(default=128_000, ge=4000, description="Tokens it takes")
    output: int = Field(default=4096, ge=512, description="Tokens one answer may have")
    concurrency: int = Field(default=8, ge=1, le=1000, description="Requests at once, over all processes")
    price: Prices = Field(
        default=Prices(), description="What it costs; without it money bounds do not hold for this model"
    )


class Models(Settings):
    """Which models there are. With none, the model-free analyst looks into everything."""

    providers: dict[str, Provider] = Field(default_factory=dict, description="Providers by a name of your choice")
    roles: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Role (default, deep, triage, or another a playbook names) to models PROVIDER/MODEL, in the order in which they are asked",
    )
    known: dict[str, Known] = Field(
        default_factory=dict,
        description="PROVIDER/MODEL (`*` matches anything; the first that matches holds) to what is known of it",
    )
    mask_personal_data: bool = Field(
        default=True, description="Mask mail addresses, names and the like before a model reads them"
    )

    @model_validator(mode="after")
    def _fits(self) -> "Models":
        for role, names in self.roles.items():
            for name in names:
                provider, _, model = name.partition("/")
                if name != NONE and (provider not in self.providers or not model):
                    known = ", ".join(sorted(self.providers)) or "none"
                    raise ValueError(
                        f"models.roles.{role}: {name!r} is no PROVIDER/MODEL of a configured provider ({known})"
                    )
        return self


class Budgets(Settings):
    """What all investigations together may spend. Each one's own bounds stand in its playbook."""

    day_usd: float | None = Field(default=None, ge=0, description="US dollars in a day (UTC); none: no limit")
    day_tokens: int | None = Field(default=None, ge=0, description="Tokens in a day (UTC); none: no limit")
    storm_usd: float | None = Field(
        default=None, ge=0, description="US dollars for incidents alike within `storm_within`; none: no limit"
    )
    storm_after: int = Field(
        default=3,
        ge=0,
        description="After so many incidents alike, further ones share the first one's investigation; 0: never",
    )
    storm_within: Span = Field(default=10 * UNITS["m"], description="So long after the first")


def switchboard(models: Models, *, meters: Meters, places: Places | None = None) -> Switchboard:
    """The models of the configuration, ready to be asked; none of their libraries is imported when there is none."""
    roles = {role: tuple(name for name in names if name != NONE) for role, names in models.roles.items()}
    roles = {role: names for role, names in roles.items() if names}
    opened = open_models(models.providers, [name for names in roles.values() for name in names])
    roster = Roster(opened, roles, {name: facts_of(name, models) for name in opened})
    return Switchboard(roster, meters=meters, places=places)


def facts_of(name: str, models: Models) -> Facts:
    """What the configuration says of a model."""
    known = next((each for pattern, each in models.known.items() if fnmatchcase(name, pattern)), Known())
    price = Price(**known.price.model_dump())
    return Facts(context=known.context, output=known.output, price=price, concurrency=known.concurrency)


def limits_of(budgets: Budgets) -> Limits:
    """Those of all investigations together."""
    return Limits(budgets.day_usd, budgets.day_tokens, budgets.storm_usd)


def storms_of(budgets: Budgets) -> Storms:
    """When incidents share."""
    return Storms(budgets.storm_after, budgets.storm_within / SECOND)


def redacting(redactor: Redactor) -> Any:
    """Secrets leave JSON: text by its shape, fields by their names too."""

    def redact(value: Any) -> Any:
        if isinstance(value, str):
            return redactor.text(value)
        if not isinstance(value, (Mapping, list, tuple)):
            return value
        encoded = json.dumps({"result": value}, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
        try:
            clean = redactor.record(encoded)
        except ValueError:
            return redactor.text(encoded.decode("utf-8", "replace"))
        return value if clean is encoded else json.loads(clean)["result"]

    return redact
