"""Opens the models that the roles name, each once; a provider's client library is imported only when one of its models is used."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from connectors.models.settings import Provider
from connectors.ports.model import Model


def open_models(providers: Mapping[str, Provider], wanted: Iterable[str]) -> dict[str, Model]:
    """Models by `PROVIDER/MODEL`. Raises LookupError for a provider that is not configured."""
    made: dict[str, Model] = {}
    for name in dict.fromkeys(wanted):
        provider, _, model = name.partition("/")
        if provider not in providers or not model:
            raise LookupError(f"model {name!r}: expected PROVIDER/MODEL with one of {sorted(providers)}")
        made[name] = _open(name, model, providers[provider])
    return made


def _open(name: str, model: str, provider: Provider) -> Model:
    match provider.kind:
        case "anthropic":
            from connectors.models.claude import Claude

            return Claude(name, model, provider)
        case "openai-compatible":
            from connectors.models.compatible import Compatible

            return Compatible(name, model, provider)
        case _:
            assert_never(provider.kind)
