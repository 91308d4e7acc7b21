"""Names on the wire: providers allow letters, digits, `_` and `-` in those of tools, ours have dots."""

import hashlib
import re
from collections.abc import Iterable

ANTHROPIC = "https://api.anthropic.com"
LONGEST = 64
"""What every provider takes (OpenAI's limit; Anthropic's is 128)."""
_OTHER = re.compile(r"[^A-Za-z0-9_-]")


class WireNames:
    """Both ways between the names of these tools and what stands on the wire; no two of them meet in one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._out = {name: wire_name(name) for name in names}
        self._back = {wire: name for name, wire in self._out.items()}

    def out(self, name: str) -> str:
        """The name as a provider is told."""
        return self._out.get(name) or wire_name(name)

    def back(self, wire: str) -> str:
        """Our name; one that is unknown comes back with dots, so that an error can name what was meant."""
        return self._back.get(wire) or wire.replace("__", ".")


def wire_name(name: str) -> str:
    """`logs.search` is `logs__search`; what is too long, or has other characters or `__` itself, ends in a hash that tells it apart."""
    dotted = name.replace(".", "__")
    plain = _OTHER.sub("_", dotted)
    if plain == dotted and "__" not in name and len(plain) <= LONGEST:
        return plain
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: LONGEST - 9]}_{mark}"
