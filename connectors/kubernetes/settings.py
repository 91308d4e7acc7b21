"""Where the cluster is, as whom it is asked, and what of it may be looked at."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from connectors.kubernetes.kubeconfig import from_kubeconfig
from connectors.ports.inquiry import Remote
from connectors.ports.remote_settings import RemoteSettings
from connectors.ports.tool import ToolFailed

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubernetesSettings(RemoteSettings):
    """One cluster. Set `url` (with `token`, or of a `kubectl proxy`), `in_cluster`, or `kubeconfig`."""

    in_cluster: bool = Field(default=False, description="Use the service account of the pod Tocsin runs in")
    kubeconfig: Path | None = Field(
        default=None,
        description="A kubeconfig with a token or client certificate; for one that runs a program, use `kubectl proxy`",
    )
    context: str | None = Field(default=None, description="Of the kubeconfig; by default its current one")
    namespace: str = Field(default="default", description="Where to look when neither question nor incident says")
    namespaces: tuple[str, ...] = Field(
        default=(), description="Only these may be looked at; empty: all the account may read"
    )
    selector: str = Field(
        default="app=%{service}", description="Label selector of a service's pods; blanks stand for the incident's own"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("url", "kubeconfig") if getattr(self, name) is not None] + [
            "in_cluster"
        ] * self.in_cluster
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are all set; one of them")
        return self

    @property
    def configured(self) -> bool:
        """Whether there is a cluster to ask."""
        return self.in_cluster or self.kubeconfig is not None or self.url is not None

    def api(self) -> Remote:
        """The cluster's interface, with the credential as it is now (tokens are renewed in place). Raises ToolFailed."""
        if self.in_cluster:
            try:
                token = (_ACCOUNT / "token").read_text().strip()
            except OSError as error:
                raise ToolFailed(f"kubernetes.in_cluster: no service account in this pod: {error}") from error
            headers = {"authorization": f"Bearer {token}"}
            return Remote(
                "Kubernetes", "https://kubernetes.default.svc", headers, self.deadline_s, ca=_ACCOUNT / "ca.crt"
            )
        if self.kubeconfig is not None:
            return from_kubeconfig(self.kubeconfig, self.context, self.deadline_s)
        return self.remote("Kubernetes")
