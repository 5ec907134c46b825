"""Which URLs a secret may be sent to."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from mlops_cli.core.errors import ProjectError
from mlops_cli.core.redact import printable

FORBIDDEN: Final = "an address of nobody, or one where clouds keep credentials"
# Those that are not link-local: of EC2 over IPv6, and of Alibaba Cloud.
_METADATA: Final = frozenset({"fd00:ec2::254", "100.100.100.200"})


def checked_url(url: str, *, allow_plain_http: bool = False) -> str:
    """The URL without a slash at its end, if a password may be sent there.

    Raises:
        ProjectError: It is not http(s), carries a user or a query, names a link-local address,
            or would send the password in the clear to another machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise bad_url(url, str(error)) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise bad_url(url, "it must start with `https://` and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise bad_url(url, "it must not hold a user, a query or a fragment")
    if is_forbidden(host):
        raise bad_url(url, FORBIDDEN)
    if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):
        raise bad_url(url, "`http` would send secrets in the clear; use `https`")
    return url.rstrip("/")


def bad_url(url: str, reason: str) -> ProjectError:
    """Say why a URL is not used."""
    return ProjectError(f"Could not use `{printable(url)}` as an Airflow URL: {reason}")


def is_loopback(host: str) -> bool:
    """Whether it is this machine."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_forbidden(host: str) -> bool:
    """Whether it is an address that no Airflow has, and no secret may be sent to."""
    address = _address(host)
    return address is not None and (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or str(address) in _METADATA
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
