"""The model a run is for: one role or one model of the configuration, alone in the role every case is investigated by."""

from schemas.document import near
from tocsin.models import Models


def chosen(name: str, models: Models) -> Models:
    """Raises LookupError for a name that is neither a role nor PROVIDER/MODEL of a configured provider."""
    if name in models.roles:
        return models.model_copy(update={"roles": {"default": models.roles[name]}})
    provider, _, model = name.partition("/")
    if provider in models.providers and model:
        return models.model_copy(update={"roles": {"default": (name,)}})
    known = [*models.roles, *(f"{each}/MODEL" for each in models.providers)]
    listed = ", ".join(known) or "nothing: add `models` to the configuration"
    raise LookupError(f"no model {name!r}{near(name, known)}; configured: {listed}; `none` needs no model")
