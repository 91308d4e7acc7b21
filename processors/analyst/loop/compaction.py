"""Compaction: a conversation that grows too long goes on from a digest of itself, in which every id that can be cited survives."""

from processors.analyst.loop.case import Case, Window
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.transcript import digest_of

FULL = 0.7
"""The share of the context from which on a conversation is compacted."""


def needed(case: Case, window: Window, read: int) -> bool:
    """Whether `read` tokens are too many, and there is something a digest would shorten."""
    if read + window.output <= FULL * window.context:
        return False
    since = 0
    for step in reversed(case.talk):
        if step.kind == "compaction":
            break
        since += step.kind == "model_call"
    return since > 0


def compacted(case: Case, mask: Mask) -> str:
    """The text that takes the place of the talk so far. The opening stays as it is. Pure."""
    begin = next((index for index, step in reversed(list(enumerate(case.talk))) if step.kind == "compaction"), 0)
    lines = digest_of(case.talk[begin:], mask)
    return (
        "The conversation so far was long and stands here in short. What is cited as step/N is recorded in full: quote only what you see"
        f" here, or ask again more narrowly.\n\n{lines}"
    )
