"""Which repository belongs to which service, and as whom GitHub is asked."""

import re

from pydantic import Field, field_validator

from connectors.ports.inquiry import Remote
from connectors.ports.remote_settings import RemoteSettings

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,99}/[A-Za-z0-9_.][\w.-]{0,99}")


class GithubSettings(RemoteSettings):
    """One GitHub: github.com, or an enterprise server (`https://HOST/api/v3`)."""

    url: str | None = Field(default="https://api.github.com", description="Its REST interface")
    repositories: dict[str, str] = Field(
        default_factory=dict, description="Service name to OWNER/NAME; only these are asked, and no tools without any"
    )

    @field_validator("repositories")
    @classmethod
    def _are_repositories(cls, repositories: dict[str, str]) -> dict[str, str]:
        for service, name in repositories.items():
            if not _REPOSITORY.fullmatch(name):
                raise ValueError(f"{name!r} (of {service!r}) is no repository; expected OWNER/NAME")
        return repositories

    def api(self) -> Remote:
        """Where to ask."""
        remote = self.remote("GitHub")
        headers = {"x-github-api-version": "2022-11-28", "accept": "application/vnd.github+json", **remote.headers}
        return Remote(remote.name, remote.url, headers, deadline_s=remote.deadline_s, ca=remote.ca)
