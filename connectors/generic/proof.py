"""Who may send: bearer token, Standard Webhooks signature or HMAC header, whichever the instance has configured."""

from collections.abc import Callable

from connectors.generic.settings import GenericSettings
from connectors.ports import standard_webhooks
from connectors.ports.signature import equal_secrets, key_bytes, verify_hex
from connectors.ports.source import Refused, Request


class Proof:
    """The secrets of one instance, unwrapped once."""

    def __init__(self, settings: GenericSettings, address: str) -> None:
        self._address = address
        self._tokens = [token.get_secret_value() for token in settings.tokens]
        self._keys = [standard_webhooks.key_of(secret.get_secret_value()) for secret in settings.webhook_secrets]
        self._tolerance_s = settings.tolerance_s
        self._hmac = settings.hmac
        self._hmac_header = settings.hmac.header.lower() if settings.hmac else ""
        self._hmac_prefix = settings.hmac.prefix if settings.hmac else ""
        self._hmac_keys = (
            [key_bytes(secret.get_secret_value()) for secret in settings.hmac.secrets] if settings.hmac else []
        )
        self._proofs: list[Callable[[Request], Refused | None]] = []
        """Those that are configured, in the order in which they are tried."""
        if self._keys:
            self._proofs.append(self._standard_webhook)
        if self._hmac_keys:
            self._proofs.append(self._signed_header)
        if self._tokens:
            self._proofs.append(self._bearer)

    def check(self, request: Request) -> None:
        """Return when any configured proof holds. Raises Refused with the most telling reason: expired, bad_signature, unauthorised,
        and missing_signature when the request carries no proof at all."""
        if not self._proofs:
            if request.trusted:
                return
            raise Refused(
                "unauthorised",
                f"{self._address} has no secret configured, so it accepts requests of this machine alone; "
                "set tokens, webhook_secrets or hmac for it",
            )
        refusals: list[Refused] = []
        for proof in self._proofs:
            refused = proof(request)
            if refused is None:
                return
            if refused.reason != "missing_signature":
                refusals.append(refused)
        raise (
            refusals[0]
            if refusals
            else Refused("missing_signature", f"{self._address} expects {self._expected()}; found none")
        )

    def _standard_webhook(self, request: Request) -> Refused | None:
        headers = request.headers
        for name in ("webhook", "svix"):
            signatures = headers.get(f"{name}-signature")
            if not self._keys or signatures is None:
                continue
            verdict = standard_webhooks.verify(
                self._keys,
                message_id=headers.get(f"{name}-id", ""),
                timestamp=headers.get(f"{name}-timestamp", ""),
                signatures=signatures,
                body=request.raw_body,
                now=request.received_at,
                tolerance_s=self._tolerance_s,
            )
            match verdict:
                case "valid":
                    return None
                case "expired":
                    sent = headers.get(f"{name}-timestamp")
                    return Refused(
                        "expired",
                        f"{name}-timestamp {sent!r} is further than {self._tolerance_s} s from now; send again, or set the clock right",
                    )
                case "bad_signature":
                    return Refused("bad_signature", f"{name}-signature matches no active secret over the raw body")
        return Refused("missing_signature", "no webhook-signature")

    def _signed_header(self, request: Request) -> Refused | None:
        given = request.headers.get(self._hmac_header)
        if given is None:
            return Refused("missing_signature", f"no {self._hmac_header}")
        if given.startswith(self._hmac_prefix) and verify_hex(
            self._hmac_keys, request.raw_body, given[len(self._hmac_prefix) :]
        ):
            return None
        return Refused("bad_signature", f"{self._hmac_header} matches no active secret over the raw body")

    def _bearer(self, request: Request) -> Refused | None:
        given = request.headers.get("authorization")
        if not self._tokens or given is None:
            return Refused("missing_signature", "no authorization")
        scheme, _, token = given.partition(" ")
        if scheme.lower() == "bearer" and equal_secrets(self._tokens, token.strip()):
            return None
        return Refused("unauthorised", "the Authorization header carries no active token; expected `Bearer TOKEN`")

    def _expected(self) -> str:
        ways = []
        if self._keys:
            ways.append("a Standard Webhooks signature (webhook-id, webhook-timestamp, webhook-signature)")
        if self._hmac:
            ways.append(f"an HMAC in {self._hmac.header}")
        if self._tokens:
            ways.append("`Authorization: Bearer TOKEN`")
        return " or ".join(ways)
