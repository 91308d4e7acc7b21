"""The systems whose rules can be imported."""

from __future__ import annotations

from typing import Literal, get_args

System = Literal["alertmanager", "ansible-rulebook", "sigma", "keep"]

SYSTEMS: tuple[System, ...] = get_args(System)
