"""An alert's labels and annotations as texts, and its labels as the matchers of a silence."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from urllib.parse import quote

from connectors.ports.reading import mapping, text

MOST = 200
LONGEST = 10_000
LONGEST_NAME = 1_000
"""So many are read, with so many characters each; the rest is left to `raw`."""
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
"""What percent-encoding leaves alone (RFC 3986, section 2.3)."""


_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The names of some labels."""

    fit: bool
    """They are as many and as long as is read."""
    take: Callable[[Mapping[str, str]], tuple[str, ...]]
    """Finds the values, by name."""
    filter: str
    """`NAME="VALUE",...`, percent-encoded, where `%s` stands for each value."""


_known: dict[tuple[str, ...], Names] = {}
"""Remembered: alerts of one rule have labels of the same names. None in it is longer than what is read."""


def texts_of(given: object) -> dict[str, str]:
    """The values that say something, as texts; an object that holds such texts alone is given back itself."""
    if type(given) is dict and (_known.get(tuple(given)) or names_of(given)).fit and all(values := given.values()):
        try:
            if len("".join(values)) <= LONGEST:
                return given
        except TypeError:  # not all are texts
            pass
    return _cleaned(given)


def read_labels(given: object) -> tuple[dict[str, str], Names, str]:
    """The labels as texts; their names; and the filter of Alertmanager's page for a new silence: `NAME="VALUE",...` by name,
    percent-encoded."""
    labels = given if type(given) is dict else {}
    names = _known.get(tuple(labels)) or names_of(labels)
    values = names.take(labels)
    try:
        whole = "".join(values)
        good = names.fit and len(whole) <= LONGEST and all(values)
    except TypeError:  # not all are texts
        good = False
    if not good:
        labels = _cleaned(given)
        names = names_of(labels)
        values = names.take(labels)
        whole = "".join(values)
    if _UNRESERVED.fullmatch(whole) is None:
        values = tuple(map(_value, values))
    return labels, names, names.filter % values


def names_of(labels: Mapping[str, object]) -> Names:
    """The names of these labels: the same object for the same names in the same order, as a rule."""
    given = tuple(labels)
    if (known := _known.get(given)) is not None:
        return known
    names = sorted(given)
    quoted = [quote(name, safe="").replace("%", "%%") for name in names]
    filter_ = "%%2C".join([f"{name}%%3D%%22%s%%22" for name in quoted])
    fit = len(names) <= MOST and sum(map(len, names)) <= LONGEST_NAME
    found = Names(fit, _taking(names), filter_)
    if fit:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[given] = found
    return found


def _cleaned(given: object) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in islice(mapping(given).items(), MOST):
        if written := text(value, LONGEST):
            texts[text(name, LONGEST_NAME)] = written
    return texts


def _taking(names: Sequence[str]) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda labels: tuple([labels[name] for name in names])


@lru_cache(maxsize=4096)
def _value(value: str) -> str:
    """Remembered: the alerts of a group share most of their labels."""
    if _UNRESERVED.fullmatch(value):
        return value
    return quote(value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"), safe="")
