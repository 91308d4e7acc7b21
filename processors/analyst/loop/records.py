"""Answers from the records alone: what stands there about a question, when no model can be asked."""

import re
from collections.abc import Sequence

from processors.analyst.loop.seen import Seen
from schemas import Conclusion

_WORDS = re.compile(r"[A-Za-z0-9_./-]{3,}")
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "was",
        "were",
        "are",
        "did",
        "does",
        "why",
        "what",
        "when",
        "where",
        "which",
        "who",
        "how",
        "this",
        "that",
        "with",
        "from",
        "have",
        "has",
        "not",
        "any",
        "been",
        "could",
        "would",
        "should",
        "can",
        "there",
        "here",
        "about",
        "into",
        "over",
        "since",
        "because",
    ]
)
MOST = 5


def answer_from_records(question: str, conclusion: Conclusion | None, seen: Seen) -> str:
    """The conclusion in short, and the recorded lines that share most words with the question. Pure."""
    words = {word.lower() for word in _WORDS.findall(question)} - _COMMON
    lines = ["No model is there to answer; this is what the records say."]
    if conclusion is not None:
        lines += [
            "",
            f"Concluded: {conclusion.verdict}. {conclusion.summary}",
            f"Likely cause: {conclusion.hypothesis.text}",
        ]
        lines += [
            f"Ruled out: {each.text} ({each.why})"
            for each in conclusion.ruled_out
            if _shared(words, f"{each.text} {each.why}")
        ]
    found = _closest(words, seen)
    if found:
        lines += ["", "Recorded about it:", *(f"- [{cites}] {text}" for cites, text in found)]
    return "\n".join(lines)


def _closest(words: set[str], seen: Seen) -> Sequence[tuple[str, str]]:
    scored: dict[tuple[str, str], int] = {}
    for cites, texts in seen.texts.items():
        for text in texts:
            for line in text.split("\n")[:500]:
                score = _shared(words, line)
                if score:
                    scored[cites, " ".join(line.split())[:240]] = score
    return [place for place, _ in sorted(scored.items(), key=lambda item: -item[1])[:MOST]]


def _shared(words: set[str], text: str) -> int:
    return len(words & {word.lower() for word in _WORDS.findall(text)})
