"""A kubeconfig read as kubectl reads it, as far as it says who we are without running a program."""

import base64
import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from connectors.ports.inquiry import Remote
from connectors.ports.reading import mapping, sequence, text
from connectors.ports.remote_settings import web_address
from connectors.ports.tool import ToolFailed
from schemas.document import DocumentInvalid, parse_yaml


def from_kubeconfig(file: Path, wanted: str | None, deadline_s: float) -> Remote:
    """The cluster of a context, as https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ says. Raises ToolFailed."""
    try:
        content = mapping(parse_yaml(file.read_text(), str(file)).content)
    except (OSError, DocumentInvalid) as error:
        raise ToolFailed(f"the kubeconfig {str(file)!r} cannot be read: {error}") from error
    name = wanted or text(content.get("current-context"))
    context = _named(content, "contexts", "context", name, file)
    cluster = _named(content, "clusters", "cluster", text(context.get("cluster")), file)
    user = _named(content, "users", "user", text(context.get("user")), file)
    if "exec" in user or "auth-provider" in user:
        raise ToolFailed(
            f"user {context.get('user')!r} of {str(file)!r} runs a program to log in, which Tocsin does not; "
            "give a token, or run `kubectl proxy` and set kubernetes.url to it"
        )
    token = text(user.get("token")) or _file(user.get("tokenFile"), file)
    certificate = (_pem(user, "client-certificate", file), _pem(user, "client-key", file))
    try:
        url = web_address(text(cluster.get("server")))
    except ValueError as error:
        raise ToolFailed(f"cluster {context.get('cluster')!r} of {str(file)!r}: {error}") from error
    return Remote(
        "Kubernetes",
        url,
        {"authorization": f"Bearer {token}"} if token else {},
        deadline_s,
        ca=Path(authority) if (authority := _pem(cluster, "certificate-authority", file)) else None,
        certificate=(certificate[0], certificate[1]) if certificate[0] and certificate[1] else None,
        verify=cluster.get("insecure-skip-tls-verify") is not True,
    )


def _named(content: Any, listed: str, key: str, name: str, file: Path) -> dict[str, Any]:
    for each in sequence(content.get(listed)):
        if mapping(each).get("name") == name:
            return dict(mapping(mapping(each).get(key)))
    known = [text(mapping(each).get("name")) for each in sequence(content.get(listed))]
    raise ToolFailed(f"{str(file)!r} has no {key} {name!r}; there is {', '.join(known) or 'none'}")


def _file(value: Any, file: Path) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        return (file.parent / value).read_text().strip()
    except OSError as error:
        raise ToolFailed(f"{value!r}, named in {str(file)!r}, cannot be read: {error}") from error


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    """For certificates that stand in a kubeconfig itself, as TLS takes files alone; gone when the program ends, ours alone till then."""
    return tempfile.TemporaryDirectory(prefix="tocsin-kubernetes-")


def _pem(holder: dict[str, Any], key: str, file: Path) -> str:
    """Path of a certificate or key, named or written in; empty when there is none."""
    if isinstance(named := holder.get(key), str):
        return str(file.parent / named)
    written = holder.get(f"{key}-data")
    if not isinstance(written, str):
        return ""
    kept = Path(_folder().name) / f"{hashlib.sha256(written.encode()).hexdigest()}.pem"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_bytes(base64.b64decode(written))
    return str(kept)
