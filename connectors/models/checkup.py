"""Whether a provider of models answers, takes the key and has the models that are configured: its list of models, which costs nothing.

https://docs.anthropic.com/en/api/models-list (by the vendor's SDK, so that it is asked as it is for answers),
https://platform.openai.com/docs/api-reference/models/list
"""

from collections.abc import Sequence
from functools import partial

from connectors.models.names import ANTHROPIC
from connectors.models.refusals import words_of
from connectors.models.settings import Provider
from connectors.ports.checkup import LOOK_S, Checkup, Doubtful, quick
from connectors.ports.inquiry import NotThere, Remote, bearer
from connectors.ports.reading import line, mapping, sequence
from connectors.ports.tool import ToolFailed
from schemas.document import near

PAGE = 1000


def provider_checkup(name: str, provider: Provider, wanted: Sequence[str]) -> Checkup:
    """Of one provider; `wanted`: its models that roles name, as it calls them."""
    fix = f"check models.providers.{name}: its key, its base_url, and the way there"
    return Checkup(f"models {name}", partial(_look, name, provider, wanted), fix)


async def _look(name: str, provider: Provider, wanted: Sequence[str]) -> str:
    listing = _by_anthropic if provider.kind == "anthropic" else _by_others
    url = provider.base_url or ANTHROPIC
    try:
        known, whole = await listing(name, provider, url)
    except NotThere as error:
        raise Doubtful(
            f"{url} answers, and keeps no list of models",
            "nothing, if it is a gateway: whether key and models are right shows with the first question",
        ) from error
    missing = [each for each in wanted if not any(_is(each, one) for one in known)]
    if missing and whole:
        said = "; ".join(f"{each!r}{near(each, known)}" for each in missing)
        raise Doubtful(
            f"{url} answers, and does not list {said}", f"correct models.roles, or let {name} have the model"
        )
    return f"{url} answers; {', '.join(wanted)} {'is' if len(wanted) == 1 else 'are'} among its {len(known)} models"


async def _by_others(name: str, provider: Provider, url: str) -> tuple[list[str], bool]:
    """Names, and whether those are all."""
    remote = quick(Remote(name, url, {**bearer(provider.key), **provider.headers}))
    body = mapping(await remote.get("/models", what="its models"))
    return [line(mapping(each).get("id"), 200) for each in sequence(body.get("data"))], not body.get("has_more")


async def _by_anthropic(name: str, provider: Provider, url: str) -> tuple[list[str], bool]:
    from anthropic import AnthropicError, APIConnectionError, APIStatusError, AsyncAnthropic

    key = provider.key.get_secret_value() if provider.key is not None else "none"
    headers = dict(provider.headers)
    asked = f"asked {name} for its models at {url}"
    async with AsyncAnthropic(
        api_key=key, base_url=url, default_headers=headers, max_retries=0, timeout=LOOK_S
    ) as client:
        try:
            page = await client.models.list(limit=PAGE)
        except APIStatusError as error:
            said = f"{asked}: HTTP {error.status_code}: {line(words_of(error.body, str(error.message)), 300)}"
            if error.status_code == 404:
                raise NotThere(said) from error
            raise ToolFailed(
                said + ("; check the configured credential" if error.status_code == 401 else "")
            ) from error
        except APIConnectionError as error:
            raise ToolFailed(
                f"{asked}: {type(error.__cause__ or error).__name__}: {error.__cause__ or error}"
            ) from error
        except (AnthropicError, ValueError) as error:
            raise ToolFailed(f"{asked}: {type(error).__name__}: {error}"[:500]) from error
    return [each.id for each in page.data], not page.has_more


def _is(wanted: str, known: str) -> bool:
    """Lists have dated names and tags where a configuration may have the short one."""
    return known == wanted or known.startswith((f"{wanted}-", f"{wanted}:")) or wanted.startswith(f"{known}:")
