"""Saturation: resources used up, by per cent of a whole, by the ratio of a series to its ceiling, by free room that is gone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from processors.evidence.metrics import FULL, is_percent, kind_of
from processors.evidence.values import Gathered, Series
from processors.evidence.words import spoken

GONE = 0.1
"""Free room below this part of what there was is as good as gone."""
_OF = re.compile(
    r"(?P<used>\d[\d,]*(?:\.\d+)?)\s*(?P<u1>[KMGT]i?B?|%)?\s*(?:/|of|out of)\s*(?:the )?(?:maximum (?:of )?)?(?P<all>\d[\d,]*(?:\.\d+)?)\s*(?P<u2>[KMGT]i?B?)?",
    re.I,
)
_MAXIMUM = re.compile(r"(?:max\w*|limit|capacity|quota)(?: of| is|[:=])?\s*(?P<all>\d[\d,]*)", re.IGNORECASE)
_PER_CENT = re.compile(r"(?P<number>\d{2,3}(?:\.\d+)?)\s?%")
_SCALE = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


@dataclass(frozen=True, slots=True)
class Full:
    """A resource used up. `says` a clause with its numbers."""

    name: str
    service: str | None
    part: float
    says: str
    cites: str
    quote: str


def full_of(gathered: Gathered) -> tuple[Full, ...]:
    """All that is used up, the fullest first."""
    found = [each for series in gathered.series for each in _alone(series)]
    found += _against_ceiling(gathered.series)
    found += _against_said(gathered)
    found.sort(key=lambda each: (-each.part, each.name))
    return tuple(found)


def _late(series: Series) -> tuple[float, ...]:
    """The last third of the values, at least three."""
    return series.values[-max(3, len(series.values) // 3) :]


def _alone(series: Series) -> list[Full]:
    if len(series.values) < 3:
        return []
    late, kind = _late(series), kind_of(series.metric)
    if is_percent(series.metric, series.unit) and kind in ("saturation", "other") and max(series.values) <= 101:
        high = median(late)
        if high >= FULL or (max(series.values) >= FULL and sorted(series.values)[-3] >= FULL):
            says = f"{spoken(series.metric)} is at {high:.4g} % (at most {max(series.values):.4g} %)"
            return [Full(series.metric, series.service, high / 100, says, series.cites, series.metric)]
    if kind == "headroom":
        begin, low = max(series.values[: max(3, len(series.values) // 3)]), min(late)
        if begin > 0 and low <= GONE * begin:
            says = f"{spoken(series.metric)} fell from {_short(begin)} to {_short(low)}"
            return [Full(series.metric, series.service, 1.0 - low / begin, says, series.cites, series.metric)]
    return []


def _against_ceiling(all_series: Sequence[Series]) -> list[Full]:
    """Pairs of one service whose names share their beginning, one a limit, the other below it."""
    found: list[Full] = []
    for limit in all_series:
        if kind_of(limit.metric) != "limit" or len(limit.values) < 3:
            continue
        stem = re.split(r"_?(?:max|limit|quota|capacity)", limit.metric, flags=re.I)[0]
        for used in all_series:
            if used is limit or used.service != limit.service or len(stem) < 3 or not used.metric.startswith(stem):
                continue
            if kind_of(used.metric) not in ("saturation", "other") or not used.values:
                continue
            ceiling, high = limit.values[-1], median(_late(used))
            if ceiling > 0 and 0.9 <= high / ceiling <= 1.05:
                says = f"{spoken(used.metric)} is at {high:.4g} of {spoken(limit.metric)} {ceiling:.4g}"
                found.append(Full(used.metric, used.service, high / ceiling, says, used.cites, used.metric))
    return found


def _against_said(gathered: Gathered) -> list[Full]:
    """Series at nine tenths or more of a ceiling a text names: `the maximum of 5000`, `469 of 500`."""
    ceilings: dict[float, str] = {}
    for text in (*(each.text for each in gathered.said), *(each.text for each in gathered.logs if each.rank >= 3)):
        for found in (*_OF.finditer(text), *_MAXIMUM.finditer(text)):
            ceilings.setdefault(float(found["all"].replace(",", "")), text)
    full: list[Full] = []
    for series in gathered.series:
        if (
            kind_of(series.metric) not in ("saturation", "other", "lag")
            or len(series.values) < 3
            or is_percent(series.metric, series.unit)
        ):
            continue
        high = median(_late(series))
        ceiling = next((each for each in sorted(ceilings) if each >= 20 and 0.9 * each <= high <= 1.02 * each), None)
        if ceiling is not None:
            says = f"{spoken(series.metric)} is at {high:.4g} of a maximum of {ceiling:.4g}"
            full.append(Full(series.metric, series.service, high / ceiling, says, series.cites, series.metric))
    return full


def used_up(text: str) -> float | None:
    """The part of a whole a text says is used, from `469 of 500`, `496Mi / 512Mi` or `98%`, where it is at least nine tenths."""
    for found in _OF.finditer(text):
        used, whole = (
            _number(found["used"], found["u1"] or found["u2"]),
            _number(found["all"], found["u2"] or found["u1"]),
        )
        if whole >= 10 and 0.9 <= used / whole <= 1.01:
            return used / whole
    for found in _PER_CENT.finditer(text):
        if 90 <= float(found["number"]) <= 100:
            return float(found["number"]) / 100
    return None


def _number(text: str, unit: str | None) -> float:
    return float(text.replace(",", "")) * _SCALE.get((unit or " ")[0].lower(), 1.0)


def _short(value: float) -> str:
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"
