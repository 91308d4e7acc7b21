"""Which addresses may be probed: none by default."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import Field, field_validator

from connectors.ports.connector import Settings
from connectors.ports.remote_settings import web_address


class HttpProbeSettings(Settings):
    """What a probe may reach. Whoever chooses the address may have been told so by a stranger's text: so only hosts that are listed are
    asked, and addresses of private networks only where they are listed as well."""

    targets: dict[str, str] = Field(
        default_factory=dict,
        description="Service name to the URL that is probed when none is given; its host may be probed",
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="Further hosts that may be probed, such as shop.example or *.shop.example"
    )
    private_networks: tuple[str, ...] = Field(
        default=(),
        description="Networks of private, loopback or link-local addresses that may be reached, such as 10.2.0.0/16",
    )
    deadline_s: float = Field(
        default=10.0, gt=0, le=60, description="How long one probe may take with all its redirects, in seconds"
    )
    max_body: int = Field(default=200_000, ge=0, le=5_000_000, description="Bytes of a body that are read")
    ca: Path | None = Field(default=None, description="PEM file of the authority certificates are checked against")

    @field_validator("targets")
    @classmethod
    def _are_addresses(cls, targets: dict[str, str]) -> dict[str, str]:
        return {service: web_address(url) for service, url in targets.items()}

    @field_validator("private_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)
        return networks

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks that may be reached."""
        return tuple(ip_network(each) for each in self.private_networks)
