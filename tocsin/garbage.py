"""The garbage collector, told that what the program was made of lives as long as the program."""

import atexit
import gc

YOUNG = 10_000
"""Objects made before the collector looks at the young ones (Python's own: 700). One request of a hundred signals makes a few thousand,
nearly all of which end with it and need no collector."""


def spare_what_stays() -> None:
    """Call once, when everything is loaded: no collection goes through the modules, rules and playbooks again.

    Without it a full collection stops the event loop for tens of milliseconds, and every request with it.
    """
    gc.collect()
    gc.freeze()
    # Or what a library wants to see gone at the end counts as leaked, and is complained about.
    atexit.register(gc.unfreeze)
    gc.set_threshold(YOUNG, 20, 20)
