"""Background: what always alerts and tells of no incident, by the words of its name."""

from rules.correlation.names import words

_ALONE = {"watchdog", "inhibitor", "heartbeat", "deadman", "deadmansswitch", "throttled", "throttling", "quota"}
_TOGETHER = ({"dead", "man"}, {"clock", "skew"}, {"almost", "full"}, {"almost", "out"}, {"restarted", "once"})


def background(name: str) -> str | None:
    """Why an alert of this name is left out, or None."""
    said = set(words(name))
    for word in sorted(said & _ALONE):
        return f"an alert about {word!r} tells of no incident by itself"
    for pair in _TOGETHER:
        if pair <= said:
            return f"an alert about {' '.join(sorted(pair))!r} tells of no incident by itself"
    return None
