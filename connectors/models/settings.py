"""What is configured of a provider of models."""

from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from connectors.ports.connector import Settings

Kind = Literal["anthropic", "openai-compatible"]


class Provider(Settings):
    """One provider: what it speaks, where it is, and the key for it."""

    kind: Kind = Field(
        description="anthropic: the Messages API. openai-compatible: chat completions (Ollama, vLLM, llama.cpp, gateways)"
    )
    key: SecretStr | None = Field(
        default=None, description="API key; `${NAME}` takes it from the environment, `${file:PATH}` from a file"
    )
    base_url: str | None = Field(
        default=None,
        description="Where it is. Of anthropic without `/v1` (none: the vendor's own address), of openai-compatible with it, such as http://127.0.0.1:11434/v1",
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Further headers, such as a gateway wants")
    body: dict[str, Any] = Field(
        default_factory=dict,
        description="Further fields of every request, such as `thinking` or `output_config` of anthropic or `options` of Ollama",
    )

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Provider":
        if self.kind == "openai-compatible" and not self.base_url:
            raise ValueError(
                "a provider of kind openai-compatible needs its base_url, such as http://127.0.0.1:11434/v1"
            )
        if self.kind == "anthropic" and self.key is None and self.base_url is None:
            raise ValueError("a provider of kind anthropic needs its key, such as ${ANTHROPIC_API_KEY}")
        return self
