"""Checkups: whether the configured models and remotes answer, asked side by side and within seconds; for `tocsin doctor`."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.models.checkup import provider_checkup
from connectors.ports.checkup import Checkup, Doubtful
from connectors.ports.tool import ToolFailed
from tocsin.config import Loaded
from tocsin.models import NONE

PATIENCE_S = 12.0
"""For one checkup, however many questions it asks."""
GOODBYE_S = 3.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of one. `grade`: it answers; it answers and something is doubtful; it cannot be asked."""

    grade: Literal["ok", "note", "fault"]
    about: str
    found: str
    fix: str = ""


def looked(loaded: Loaded) -> Sequence[Looked]:
    """Everything configured that can be asked at no cost, in the order of the configuration."""
    return asyncio.run(_all(list(configured(loaded))))


def configured(loaded: Loaded) -> Iterator[Checkup]:
    """Models that roles name first, then what tools ask."""
    models = loaded.configuration.models
    named = [name.partition("/") for names in models.roles.values() for name in names if name != NONE]
    for provider in dict.fromkeys(provider for provider, _, _ in named):
        wanted = list(dict.fromkeys(model for whose, _, model in named if whose == provider))
        yield provider_checkup(provider, models.providers[provider], wanted)
    for instance in loaded.instances:
        for each in instance.connector.checkups(instance.settings, instance.name):
            about = each.about if instance.name == "default" else f"{each.about}/{instance.name}"
            yield Checkup(about, each.look, each.fix)


async def _all(checkups: Sequence[Checkup]) -> Sequence[Looked]:
    found = await asyncio.gather(*map(_one, checkups))
    # Connections that were ended are let go in order.
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=GOODBYE_S)
    return found


async def _one(checkup: Checkup) -> Looked:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return Looked("ok", checkup.about, await checkup.look())
    except Doubtful as error:
        return Looked("note", checkup.about, str(error), error.fix)
    except TimeoutError:
        return Looked("fault", checkup.about, f"no answer within {PATIENCE_S:g} s", checkup.fix)
    except ToolFailed as error:
        return Looked("fault", checkup.about, str(error), checkup.fix)
    except Exception as error:  # noqa: BLE001 - one that breaks is a finding too, and the others are told
        return Looked("fault", checkup.about, f"{type(error).__name__}: {error}"[:500], checkup.fix)
