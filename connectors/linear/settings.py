"""What can be configured about one Linear workspace."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.ports.connector import Settings
from schemas import Severity

Priority = Literal[0, 1, 2, 3, 4]
"""0 none, 1 urgent, 2 high, 3 medium, 4 low."""

ENDPOINT = "https://api.linear.app/graphql"

PRIORITIES: dict[Severity, Priority] = {"critical": 1, "error": 2, "warning": 3, "info": 4, "debug": 4}


class LinearSettings(Settings):
    """One workspace: `webhook_secrets` to hear it, `api_key` (or `oauth_token`) and `team` to act in it."""

    api_key: SecretStr | None = Field(default=None, description="A personal or workspace API key; sent as it is")
    oauth_token: SecretStr | None = Field(
        default=None, description="An OAuth access token, sent as `Bearer`; instead of api_key"
    )
    url: str = Field(default=ENDPOINT, description="The GraphQL endpoint")
    team: str | None = Field(default=None, description="The key of the team that gets the issues, such as OPS")
    labels: tuple[str, ...] = Field(default=(), description="Names of labels every issue gets")
    assignee: str | None = Field(default=None, description="The e-mail address of whom issues are assigned to")
    project: str | None = Field(default=None, description="The name of the project issues are filed under")
    state: str | None = Field(
        default=None, description="The name of the workflow state issues begin in; Linear's default otherwise"
    )
    priorities: dict[Severity, Priority] = Field(
        default=PRIORITIES, description="Linear's priority by severity; one that is not listed gets 0 (none)"
    )
    close_on_resolve: bool = Field(default=False, description="Whether an issue is closed when its incident resolves")
    closed_state: str | None = Field(
        default=None,
        description="The name of the state a closed issue gets; the team's first completed state otherwise",
    )
    deadline_s: float = Field(default=20.0, gt=0, le=300, description="How long one request may take")
    webhook_secrets: tuple[SecretStr, ...] = Field(
        default=(), description="Signing secrets of the webhook; several while they rotate"
    )
    own_actor_ids: tuple[str, ...] = Field(
        default=(),
        description="Ids of the users or applications Tocsin writes as (`viewer.id`); what they cause is known to be our own. "
        "Leave empty when the API key belongs to a person who also works in Linear",
    )
    replay_window_s: float = Field(
        default=60.0, gt=0, description="How old, or new, the signed `webhookTimestamp` may be"
    )
    max_body: int = Field(
        default=5 * 2**20, gt=0, description="Bytes of a webhook, over the wire and after decompression"
    )

    @field_validator("webhook_secrets")
    @classmethod
    def _are_not_empty(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value() for secret in secrets):
            raise ValueError("a webhook secret is empty; remove it, or set the variable it comes from")
        return secrets

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address; expected https://... (the default is {ENDPOINT!r})")
        return url

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        if self.api_key is not None and self.oauth_token is not None:
            raise ValueError("both api_key and oauth_token are set for linear; remove one")
        return self

    def credential(self) -> str | None:
        """The value of the Authorization header, None when there is no credential (an empty one counts as none;
        the line break that files end in is left out)."""
        key = self.api_key.get_secret_value().strip() if self.api_key is not None else ""
        token = self.oauth_token.get_secret_value().strip() if self.oauth_token is not None else ""
        return key or (f"Bearer {token}" if token else None)
