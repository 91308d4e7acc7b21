"""The analyst's loop, in parts that are usable alone: the prompt builder, the next step, the slots, the check of a conclusion.

Everything here is pure: recorded steps in, a description of what comes next out. What runs it, and records each step before its result is
used, is `processors.investigate`. docs/investigations.md tells how the parts fit, with an example for each.
"""

from processors.analyst.loop.acceptance import Refused, judge
from processors.analyst.loop.bounds import Shared, Standing, standings
from processors.analyst.loop.case import Case, Price, Waiting, Window
from processors.analyst.loop.fencing import Fence, fence_of
from processors.analyst.loop.guard import Repeated, repeated
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.moves import Move
from processors.analyst.loop.next import next_move
from processors.analyst.loop.prompt import PromptBuilder, offered
from processors.analyst.loop.slots import Asked, Denied, Slots, Told, default_slots
from processors.analyst.loop.transcript import Transcript

__all__ = [
    "Asked",
    "Case",
    "Denied",
    "Fence",
    "Mask",
    "Move",
    "Price",
    "PromptBuilder",
    "Refused",
    "Repeated",
    "Shared",
    "Slots",
    "Standing",
    "Told",
    "Transcript",
    "Waiting",
    "Window",
    "default_slots",
    "fence_of",
    "judge",
    "next_move",
    "offered",
    "repeated",
    "standings",
]
