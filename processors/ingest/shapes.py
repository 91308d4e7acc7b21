"""What secrets look like in text: one table of shapes, from which the scan and the replacement are both built.

Formats are the vendors' own published prefixes. Every pattern is RE2 over UTF-8 bytes, has exactly one group (the secret) and
no upper bound on a negated class, so that a match never splits a character. A `hint` is a cheaper pattern that occurs in the
*JSON encoding* of every text its shape matches: no word boundaries (in `"\\nAKIA"` an `n` stands before the key), quotes possibly
behind backslashes.
"""

from dataclasses import dataclass

NAMES = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|auth[_-]?key"
    r"|credentials?|session[_-]?id|routing[_-]?key|integration[_-]?key|[_-]pass)"
)
"""Words that end the name of a field that holds a secret."""

_NAME = rf"(?i:\b[A-Za-z0-9_.-]*{NAMES})"
_CARD = (
    r"(?:(?:[4-6]\d{3}|2[2-7]\d\d|35\d\d)(?:[ -]?\d{4}){3}|3[47]\d\d[ -]?\d{6}[ -]?\d{5}|3[068]\d\d[ -]?\d{6}[ -]?\d{4}"
    r"|4\d{12}(?:\d{6})?|6\d{18})"
)
_QUOTE = r"\\*[\"']?"


@dataclass(frozen=True, slots=True)
class Shape:
    """One known shape. `check` names a further condition that RE2 cannot say (see `redact.plausible`)."""

    kind: str
    pattern: str
    hint: str
    check: str = ""


SHAPES: tuple[Shape, ...] = (
    Shape(
        "private_key",
        r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z))",
        r"PRIVATE KEY",
    ),
    Shape("connection_password", r"://[^\s/?#:@\"'<>]*:([^\s/\"'<>]+)@", r"://[^\s/?#:@\"'<>]*:[^\s/\"'<>]+@"),
    Shape("jwt", r"\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)", r"eyJ[A-Za-z0-9_-]{8}"),
    Shape("aws_access_key", r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b", r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}"),
    Shape("github_token", r"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})", r"gh[pousr]_|github_pat_"),
    Shape("gitlab_token", r"\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{16,})", r"gl[a-z]{2,5}-"),
    Shape("slack_token", r"\b(xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})", r"xox[a-z]-|xapp-"),
    Shape("slack_webhook", r"hooks\.slack\.com/[a-z]+/([A-Za-z0-9_/+-]{16,})", r"hooks\.slack\.com/"),
    Shape("stripe_key", r"\b([sr]k_(?:live|test)_[A-Za-z0-9]{10,})", r"[sr]k_(?:live|test)_"),
    Shape("webhook_secret", r"\b(whsec_[A-Za-z0-9+/=_-]{16,})", r"whsec_"),
    Shape("linear_token", r"\b(lin_(?:api|oauth|wh)_[A-Za-z0-9]{16,})", r"lin_(?:api|oauth|wh)_"),
    Shape("sentry_token", r"\b(sntry[a-z]_[A-Za-z0-9_=+/.-]{16,})", r"sntry[a-z]_"),
    Shape("pagerduty_token", r"\b(pdus\+[A-Za-z0-9_+-]{10,}|u\+[A-Za-z0-9_-]{18})\b", r"pdus\+|u\+[A-Za-z0-9_-]{18}"),
    Shape("openai_key", r"\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,})", r"sk-[A-Za-z0-9]{4}"),
    Shape("anthropic_key", r"\b(sk-ant-[A-Za-z0-9_-]{20,})", r"sk-ant-"),
    Shape(
        "google_key",
        r"\b(AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
        r"AIza|ya29|GOCSPX",
    ),
    Shape("azure_key", r"\bAccountKey=([A-Za-z0-9+/=]{40,})", r"AccountKey="),
    Shape("vault_token", r"\b(hv[sbr]\.[A-Za-z0-9_-]{20,})", r"hv[sbr]\."),
    Shape("grafana_token", r"\b(glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/=]{32,})", r"gl(?:sa|c)_"),
    Shape("atlassian_token", r"\b(ATATT3[A-Za-z0-9_=-]{20,})", r"ATATT3"),
    Shape("npm_token", r"\b(npm_[A-Za-z0-9]{36})\b", r"npm_"),
    Shape("pypi_token", r"\b(pypi-[A-Za-z0-9_-]{50,})", r"pypi-[A-Za-z0-9_-]{50}"),
    Shape("docker_token", r"\b(dckr_pat_[A-Za-z0-9_-]{20,})", r"dckr_pat_"),
    Shape("digitalocean_token", r"\b(do[opr]_v1_[a-f0-9]{64})", r"do[opr]_v1_"),
    Shape("sendgrid_key", r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})", r"SG\.[A-Za-z0-9_-]{16}"),
    Shape("twilio_key", r"\b(SK[0-9a-f]{32})\b", r"SK[0-9a-f]{32}"),
    Shape("huggingface_token", r"\b(hf_[A-Za-z0-9]{30,})", r"hf_[A-Za-z0-9]{30}"),
    Shape("newrelic_key", r"\b(NRAK-[A-Z0-9]{27})\b", r"NRAK-"),
    Shape("databricks_token", r"\b(dapi[0-9a-f]{32})", r"dapi[0-9a-f]{32}"),
    Shape("shopify_token", r"\b(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})", r"shp(?:at|ca|pa|ss)_"),
    Shape(
        "authorization",
        rf"(?i:authorization){_QUOTE}\s*[:=,]\s*{_QUOTE}(?i:digest|aws4-hmac-sha256)\s+([^\r\n]+)",
        r"(?i:authorization)",
    ),
    Shape(
        "authorization",
        rf"(?i:authorization){_QUOTE}\s*[:=,]\s*{_QUOTE}(?i:basic|bearer|token|apikey|negotiate|bot)\s+([^\s\"'\\,]+)",
        r"(?i:authorization)",
    ),
    Shape(
        "authorization", rf"(?i:authorization){_QUOTE}\s*[:=,]\s*{_QUOTE}([^\s\"'\\,]+)", r"(?i:authorization)", "dense"
    ),
    Shape("bearer_token", r"\b(?i:bearer)\s+([A-Za-z0-9._~+/=-]{8,})", r"(?i:bearer)", "dense"),
    Shape("cookie", rf"(?i:cookie){_QUOTE}\s*:\s*{_QUOTE}([^\s\r\n\"'=]+=[^\r\n\"']*)", r"(?i:cookie)"),
    Shape("password", r"(?i:\bidentified\s+by)\s+'((?:[^'\\]|\\.)+)", r"(?i:identified)"),
    Shape("option", rf"--(?i:[a-z-]*{NAMES})\s+([^\s\"'\\=-][^\s\"']*)", rf"(?i:{NAMES})(?:\s|\\[nrt])"),
    Shape("named", rf"{_NAME}{_QUOTE}\s*(?:=>|:=|[:=])\s*\"((?:[^\"\\]|\\.)+)", r""),
    Shape("named", rf"{_NAME}{_QUOTE}\s*(?:=>|:=|[:=])\s*'((?:[^'\\]|\\.)+)", r""),
    Shape("named", rf"{_NAME}{_QUOTE}\s*(?:=>|:=|[:=])\s*\\+[\"']((?:[^\"'\\]|\\+[^\"'\\])+)", r""),
    Shape("named", rf"{_NAME}{_QUOTE}(?:=|%3[Dd])([^\s\"'&,;]+)", r"", "assigned"),
    Shape("named", rf"{_NAME}{_QUOTE}\s*(?:=>|:=|[:=])\s*([^\s\"'&,;=]+)", r"", "loose"),
    Shape(
        "card_number",
        rf"\b({_CARD})\b",
        rf"(?:^|[^0-9A-Za-z_]|\\[bfnrt]|\\u[0-9a-f]{{4}}){_CARD}\b",
        "card",
    ),
)
"""In order of preference where two begin at the same place."""

_ANY_NAME = NAMES.replace("[_-]?", r"[^A-Za-z0-9\"]{0,2}")
FIELD_HINT = (
    rf"(?i:(?:{_ANY_NAME}|cookies?|authorization|[cx]srf|card[^a-z0-9\"]{{0,2}}number|credit[^a-z0-9\"]{{0,2}}card|cc[^a-z0-9\"]{{0,2}}number)"
    r"[^A-Za-z0-9\"':=,]{0,2}\\*[\"']?(?:\s|\\[nrt])*(?:[:=,}\]]|%3D)|\"(?:pass|auth|sid|jwt|pan|card)\\*\")"
)
"""Occurs in the JSON encoding of whatever has a field, or a `name=value`, of a sensitive name."""

_ENDINGS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "authkey",
    "authorization", "cookie", "cookies", "credential", "credentials", "sessionid", "routingkey", "integrationkey",
    "csrf", "xsrf", "cardnumber", "creditcard", "ccnumber",
)  # fmt: skip
_WHOLE = frozenset({"pass", "auth", "sid", "jwt", "pan", "card"})
_KINDS = {
    "password": ("password", "passwd", "passphrase", "pwd", "pass"),
    "cookie": ("cookie", "cookies"),
    "authorization": ("authorization", "auth"),
    "card_number": ("cardnumber", "creditcard", "ccnumber", "pan", "card"),
}


def field_kind(name: str) -> str | None:
    """The kind of secret a field of this name holds, whatever its value; None when the name says nothing. Case, `-`, `_`, `.`
    and spaces do not matter: `X-Api-Key`, `apiKey` and `API_KEY` are one name."""
    plain = "".join(filter(str.isalnum, name)).lower()
    if plain not in _WHOLE and not plain.endswith(_ENDINGS):
        return None
    for kind, endings in _KINDS.items():
        if plain.endswith(endings):
            return kind
    return "api_key" if plain.endswith("key") else "token"
