"""Whether text from outside speaks to whoever reads it: instructions, roles, verdicts to be reached.

Logs report; they do not ask. Where recorded text addresses a reader, a model's verdict is not taken on trust (see `reach`). These patterns
are no wall by themselves: a sentence they do not know passes, which is why nothing a model says acts by itself.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

SCANNED = 60_000
"""Characters of one text that are read."""
_READER = r"(?:ai|a\.i\.|llm|language model|gpt|claude|chatbot|assistants?|agents?|analysts?|models?|bots?|copilot|tocsin|triager?)"
_VERDICT = r"(?:noise|duplicate|known|actionable|urgent|benign|harmless|expected|false[ -]?(?:alarm|positive)|resolved|critical|p[0-4]\b|low|not[ -]an[ -]incident|safe to ignore)"
_WE = r"(?:instructions?|prompts?|rules?|guidelines?|directions?|orders?|context|messages?|polic(?:y|ies)|safeguards?|training)"
_PATTERNS: tuple[tuple[str, str], ...] = (
    ("tells to ignore", rf"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass|skip|drop)\b[^.\n]{{0,40}}\b(?:previous|prior|above|earlier|all|any|your|the|other|system|these|those)\b[^.\n]{{0,40}}\b{_WE}\b"),
    ("gives new instructions", rf"\b(?:new|updated|real|actual|following|hidden|secret|special)\s+(?:system\s+)?{_WE}\s*(?::|are|follow|for)"),
    ("speaks as another role", r"(?:^|[\n>\"'`(\[{])\s*(?:#+\s*)?(?:system|assistant|developer|human|user|operator|admin)\s*(?:prompt|message|note|override|instruction)?\s*:\s*\S"),
    ("writes marks of a conversation", r"<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|</?\s*(?:system|assistant|user|instructions?|tool_result|tool_use|function_calls?|invoke|outside)\b[^>]{0,80}>|\bend of (?:outside )?(?:text|data|log|input|context)\b"),
    ("gives a role", rf"\b(?:you are|you're|act as|pretend (?:to be|you)|behave (?:as|like)|roleplay|from now on)\b[^.\n]{{0,60}}\b(?:{_READER}|admin(?:istrator)?|root|operator|unrestricted|dan|in (?:debug|developer|maintenance|test) mode)\b"),
    ("addresses a reader", rf"\b(?:dear|hey|hello|hi|attention|note (?:to|for)|notice (?:to|for)|message (?:to|for)|instructions? (?:to|for)|if you are|to (?:any|all|the|whichever)|for (?:any|all|the))\s+(?:an?\s+|the\s+|any\s+|all\s+)?(?:automated\s+|on-?call\s+|reading\s+|sre\s+|ops\s+|incident\s+|triage\s+)*{_READER}\b"),
    ("orders a reader", rf"\b{_READER}\b\s*[,:;-]*\s*(?:must|should|shall|please|has to|have to|need(?:s)? to|are required|is required|will now|may now|you (?:must|should|may|can)|do not|don't|never|always)\b"),
    ("orders a verdict", rf"\b(?:conclude|classify|mark|report|set|treat|label|close|resolve|categori[sz]e|consider|rate|declare|flag|downgrade|upgrade|escalate|answer|respond|reply|verdict)\b[^.\n]{{0,50}}\b(?:as|to|with|is|=|:|be)\b[^.\n]{{0,20}}\b{_VERDICT}"),
    ("names a verdict", rf"\bverdict\b\W{{0,6}}(?:is|=|:|must be|should be)?\W{{0,6}}{_VERDICT}"),
    ("forbids to act", r"\b(?:do not|don't|never|no need to|stop|avoid|refrain from|must not|should not)\s+(?:page|paging|alert|alerting|escalat\w+|notify\w*|investigat\w+|open(?:ing)?\s+(?:an?\s+)?(?:issue|ticket|incident)|creat\w+\s+(?:an?\s+)?(?:issue|ticket|incident)|wak\w+|report(?:ing)?\s+(?:this|it)|tell|inform|mention)\b"),
    ("asks for a tool", r"\b(?:call|invoke|use|run|execute|trigger)\b[^.\n]{0,30}\b(?:tool|function|conclude|hand_over|propose_action|curl|wget|rm -rf|kubectl|http\.\w+|sql\.\w+|shell|command)\b|\b(?:conclude|hand_over|propose_action)\s*[({]"),
    ("asks for an action", r"\b(?:immediately|now|please|must|should|automatically)\b[^.\n]{0,30}\b(?:page\s+(?:everyone|everybody|all|the)|roll ?back|restart|delete|scale|deploy|silence|acknowledge|resolve|merge|approve|wire|transfer|send|post|email|upload|exfiltrate)\b"),
    ("asks for what is withheld", r"\b(?:print|reveal|show|repeat|output|send|leak|include|quote|list|dump)\b[^.\n]{0,40}\b(?:system prompt|your (?:prompt|instructions|rules)|api[ _-]?keys?|secrets?|credentials?|passwords?|environment variables|tokens?)\b"),
    ("calls everybody", r"@(?:everyone|channel|here|all)\b|<!(?:here|channel|everyone)>|\bpage\s+(?:everyone|everybody|all)\b"),
    ("speaks of a prompt", r"\b(?:system|developer|assistant)\s+prompt\b"),
    ("asks for a verdict", rf"\bconclude\b\W{{0,4}}(?:(?:it|this|that|with|as|is|an?)\s+){{0,3}}{_VERDICT}|\b(?:use|give|return|reach|change|set)\b[^.\n]{{0,20}}\bverdict\b|\b(?:call|deem) (?:it|this|that)\b[^.\n]{{0,20}}\b{_VERDICT}"),
    ("cites for its reader", r"\b(?:evidence|cite)\b[^.\n]{0,20}\bstep/\d+"),
    ("names its reader's task", r"\byour (?:new |real |actual |only |next )?(?:task|goal|job|role|instructions?|purpose|mission|objective)\b\s*(?:is|are|now|:)"),
    ("claims authority", r"\b(?:authori[sz]ed|approved|pre-?approved|confirmed|verified|signed off)\s+by\s+(?:the\s+)?(?:security|ops|sre|admin\w*|on-?call|management|ceo|cto|tocsin|anthropic|openai|owner)\b"),
    ("speaks another language to a reader", r"\b(?:ignorier\w*|vergiss|missachte|befolge|ignorez|oubliez|ignora(?:r|d)?|olvida|desconsidere|negeer|ignoruj|zignoruj)\b[^.\n]{0,60}\b(?:anweisung\w*|regeln|instrucci\w+|instru\w+|r[eè]gles|reglas|instructies|polece\w+|poprzedn\w+)\b|忽略|无视|無視|指示に従|игнорируй|забудь|تجاهل|무시하"),
)  # fmt: skip
_ALL = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _PATTERNS)
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,1600}={0,2}(?![A-Za-z0-9+/_=-])")
_FORMAT = re.compile(
    "[\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0001\U000e0020-\U000e007f]"
)
_LOOKALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u04cf\u0410\u0415\u041e\u0420\u0421\u0423\u0425\u0406",
    "aeopcyxilAEOPCYXI",
)
"""Cyrillic letters that look Latin: with them a word is another one to a pattern and the same to a reader."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where recorded text speaks to a reader: what it stands in, in what way, and its words."""

    cites: str
    way: str
    words: str


def addresses(texts: Iterable[tuple[str, str]]) -> tuple[Address, ...]:
    """The first address in each (id, text), in order. Pure."""
    found = []
    for cites, text in texts:
        address = _first(cites, text)
        if address is not None:
            found.append(address)
    return tuple(found)


def _first(cites: str, text: str) -> Address | None:
    for form in _forms(text[:SCANNED]):
        for way, pattern in _ALL:
            match = pattern.search(form)
            if match is not None:
                return Address(cites, way, " ".join(match.group().split())[:120])
    return None


def _forms(text: str) -> Iterable[str]:
    """The text as it reads, and what is wrapped in it."""
    plain = _FORMAT.sub("", unicodedata.normalize("NFKC", text)) if not text.isascii() else text
    plain = plain.replace("\\n", "\n")
    yield plain
    if not text.isascii():
        if hidden := "".join(chr(ord(char) - 0xE0000) for char in text if "\U000e0020" <= char <= "\U000e007e"):
            yield hidden
        if "\u202e" in text:
            yield plain[::-1]
    if not plain.isascii():
        yield plain.translate(_LOOKALIKE)
    if "%20" in plain or "&#" in plain or "&lt;" in plain:
        yield html.unescape(unquote(plain))
    for match in _ENCODED.finditer(plain):
        decoded = _decoded(match.group())
        if decoded is not None:
            yield decoded


def _decoded(text: str) -> str | None:
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        plain = base64.b64decode(padded.translate(str.maketrans("-_", "+/")), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return plain if plain.isprintable() and " " in plain else None
