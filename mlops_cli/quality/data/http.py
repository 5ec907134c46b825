"""Fetches a file over HTTP: within limits, whole, and never redirected out of HTTP."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ..errors import DataReadError
    from .remote import Transfer

_AWAY = "it redirects out of HTTP, or in a circle"
_REASONS = {
    401: "the server wants credentials",
    403: "reading it is not allowed (403)",
    404: "there is no such file (404)",
    410: "it is gone (410)",
}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows within HTTP, and never from an encrypted address to a plain one."""

    def redirect_request(  # noqa: PLR0917 -- urllib's own signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse other schemes; urllib's own would follow to FTP too."""
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in ("https", "http"):
            raise urllib.error.URLError(_AWAY)
        if req.type == "https" and scheme == "http":
            raise urllib.error.URLError("it redirects to an address that is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(uri: str, transfer: Transfer) -> None:
    """Fetch a file.

    Raises:
        DataReadError: The server did not give all of it.
    """
    if urlsplit(uri).username is not None:
        raise transfer.failed("a password in a URL is shown in logs and lists of processes")
    # Nothing but HTTP: `build_opener` would bring files and FTP too.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Redirects,
    ):
        opener.add_handler(handler())
    request = urllib.request.Request(  # noqa: S310 -- the opener knows no other scheme
        uri, headers={"Accept-Encoding": "identity", "User-Agent": "mlops-quality"}
    )
    try:
        with opener.open(request, timeout=transfer.limits.idle_seconds) as answer:
            _copy(answer, transfer)
    except urllib.error.HTTPError as error:
        error.close()
        reason = _REASONS.get(error.code, f"the server answered {error.code} {error.reason}")
        if error.code // 100 == 3:
            reason = _AWAY
        raise transfer.failed(reason) from error
    except TimeoutError as error:
        raise _late(transfer) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _late(transfer) from error
        raise transfer.failed(
            str(getattr(error.reason, "strerror", None) or error.reason)
        ) from error
    except http.client.IncompleteRead as error:
        raise transfer.failed("the transfer was cut off") from error
    except (http.client.HTTPException, ConnectionError, ValueError) as error:
        raise transfer.failed(f"the connection failed: {error or type(error).__name__}") from error


def _copy(answer: http.client.HTTPResponse, transfer: Transfer) -> None:
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise transfer.failed(f"the server sent it encoded as {encoding}, which was not asked for")
    length = answer.headers.get("Content-Length")
    transfer.copy(answer.read, int(length) if length is not None else None)


def _late(transfer: Transfer) -> DataReadError:
    return transfer.failed(f"the server sent nothing for {transfer.limits.idle_seconds:g} seconds")
