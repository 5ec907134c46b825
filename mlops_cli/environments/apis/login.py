"""Who we are to an Airflow behind HTTP: a password, a token, a proxy's user, or nobody.

Secrets are looked up when they are needed, and again when the server refuses the one we have.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

from mlops_cli.core.errors import NotAllowedError, UnavailableError
from mlops_cli.core.redact import Secret

from .transport import detail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .transport import Answer

    FindSecret = Callable[[], Secret]

    class Post(Protocol):
        """Sends a body to a path of the server, as JSON or as a form."""

        def __call__(self, path: str, body: Mapping[str, str], *, form: bool = False) -> Answer:
            """The answer, whatever it is."""


_REFUSED: Final = frozenset({400, 401, 403, 422})
_MWAA_LOGIN: Final = "/pluginsv2/aws_mwaa/login"


class Login(Protocol):
    """What every request carries to prove who sends it."""

    who: str
    """As messages say it, such as `the user `admin``."""

    def headers(self, server: str, post: Post) -> Mapping[str, str]:
        """The headers that prove it; `post` sends a JSON body to a path of the server.

        Raises:
            NotAllowedError: The server does not believe us.
            UnavailableError: What answers is no Airflow.
        """

    def renew(self) -> bool:
        """Forget what the server refused; whether there may be something newer."""


class _Bearer(ABC):
    """Whoever gets a token from the server by logging in, and a new one when it ran out."""

    _token: Secret | None = None

    def headers(self, server: str, post: Post) -> Mapping[str, str]:
        """A bearer token; asked for when there is none."""
        self._token = self._token or self._log_in(server, post)
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    def renew(self) -> bool:
        """A new one can always be asked for."""
        self._token = None
        return True

    @abstractmethod
    def _log_in(self, server: str, post: Post) -> Secret:
        """Ask the server for a token."""


class Password(_Bearer):
    """A user name and a password, for which Airflow gives a token that runs out.

    Args:
        username: Who asks for the token.
        find: Gives the password; it is sent to `/auth/token` and nowhere else.
    """

    def __init__(self, username: str, find: FindSecret) -> None:
        self.who = f"the user `{username}`"
        self._username = username
        self._find = find

    def _log_in(self, server: str, post: Post) -> Secret:
        login = {"username": self._username, "password": self._find().reveal()}
        answer = post("/auth/token", login)
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if answer.status in _REFUSED:
            raise NotAllowedError(
                f"Could not log in to Airflow at `{server}` as `{self._username}`"
                f"{detail(answer, ': ')}",
                hint="Check the user name and the password this environment uses",
            )
        if not isinstance(token, str):
            raise UnavailableError(
                f"Could not use Airflow at `{server}`: "
                f"`POST /auth/token` gave status {answer.status} and no token",
                hint="Check that this URL is where Airflow's own login page is",
                state="Nothing was changed",
            )
        return Secret(token)


class Token:
    """A bearer token that somebody else hands out and renews.

    Args:
        find: Gives the token; asked again after a refusal, because it may have been replaced.
    """

    who = "the token of this environment"

    def __init__(self, find: FindSecret) -> None:
        self._find = find
        self._token: Secret | None = None

    def headers(self, server: str, post: Post) -> Mapping[str, str]:  # noqa: ARG002 -- the port
        """The token as it was found."""
        self._token = self._token or self._find()
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    def renew(self) -> bool:
        """Whether a look at its source gives another token than the refused one."""
        refused, self._token = self._token, self._find()
        return refused is None or refused.reveal() != self._token.reveal()


class Basic:
    """A user name and a password in every request, for an Airflow behind a proxy that asks so.

    Args:
        username: Who asks.
        find: Gives the password.
    """

    def __init__(self, username: str, find: FindSecret) -> None:
        self.who = f"the user `{username}`"
        self._username = username
        self._find = find

    def headers(self, server: str, post: Post) -> Mapping[str, str]:  # noqa: ARG002 -- the port
        """Name and password, encoded."""
        word = base64.b64encode(f"{self._username}:{self._find().reveal()}".encode()).decode()
        return {"Authorization": f"Basic {Secret(word).reveal()}"}

    def renew(self) -> bool:
        """A second try would send the same."""
        return False


class Nobody:
    """No proof at all, where the network is the proof."""

    who = "anybody"

    def headers(self, server: str, post: Post) -> Mapping[str, str]:  # noqa: ARG002 -- the port
        """None."""
        return {}

    def renew(self) -> bool:
        """There is nothing to renew."""
        return False


class MwaaSession(_Bearer):
    """A session of MWAA's web server, opened with a login token from the service.

    Args:
        find: Asks the service for a login token; good for one login within a minute.
    """

    who = "this AWS identity"

    def __init__(self, find: FindSecret) -> None:
        self._find = find

    def _log_in(self, server: str, post: Post) -> Secret:
        answer = post(_MWAA_LOGIN, {"token": self._find().reveal()}, form=True)
        session = answer.cookies.get("_token")
        if session is None:
            raise NotAllowedError(
                f"Could not log in to MWAA's web server at `{server}`: "
                f"status {answer.status}{detail(answer, ': ')}",
                hint="Allow `airflow:CreateWebLoginToken` on an Airflow role of the environment",
            )
        return Secret(session)
