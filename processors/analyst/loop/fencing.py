"""Fencing: text from outside stands between marks that it cannot write itself, and says where it comes from."""

import re
from dataclasses import dataclass

from schemas import digest

SHOWN = 16_000
"""Characters of one text a model is shown; the rest is recorded, and can be asked for more narrowly."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f\ud800-\udfff\ue000-\uf8ff]"
)
"""Control and format characters (bidirectional overrides, zero-width), surrogates, private use."""
_MARK = re.compile(r"<(?=\s*/?\s*outside)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fence:
    """The fence of one investigation: its mark is a hash nobody outside can know beforehand."""

    mark: str

    def around(self, text: str, *, cites: str, source: str, limit: int = SHOWN) -> str:
        """The text, labelled with what to cite it by and where it comes from."""
        inner = visible(text)
        if len(inner) > limit:
            inner = f"{inner[:limit]}\n({len(inner) - limit} more characters are recorded and not shown: ask for less at once)"
        inner = _MARK.sub("(", inner)
        return f'<outside-{self.mark} cite="{cites}" source="{attribute(source)}">\n{inner}\n</outside-{self.mark}>'


def fence_of(investigation_id: str) -> Fence:
    """Pure: the same investigation has the same fence on every worker."""
    return Fence(digest("fence", investigation_id)[-8:])


def visible(text: str) -> str:
    """Without characters that a reader cannot see."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def attribute(text: str) -> str:
    """One short line without quotes and angle brackets."""
    return re.sub(r"[\s\"<>&]+", " ", visible(text))[:120].strip()
