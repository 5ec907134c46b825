"""The `notifications:` section of `mlops.yaml`: who is told of what, and by which way.

Only what can be sent is a `Notification`: what its channel needs is there, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

Channel = Literal["slack-webhook", "slack", "sns", "smtp", "ses"]
Occasion = Literal[
    "gate_failed", "drift", "approval_waiting", "promoted", "run_failed", "deadline_missed"
]

_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}
_PIPELINES: Final = ("training", "inference", "monitoring")
_CONNECTIONS: Final[dict[str, str]] = {
    "slack-webhook": "slack_default",
    "slack": "slack_api_default",
    "sns": "aws_default",
    "smtp": "smtp_default",
    "ses": "aws_default",
}
# Channel to its own keys, and those it cannot do without.
_KEYS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "slack-webhook": (frozenset(), frozenset()),
    "slack": (frozenset({"channel"}), frozenset({"channel"})),
    "sns": (frozenset({"topic", "region"}), frozenset({"topic"})),
    "smtp": (frozenset({"addresses", "sender"}), frozenset({"addresses"})),
    "ses": (frozenset({"addresses", "sender", "region"}), frozenset({"addresses", "sender"})),
}
_CONNECTION: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_SLACK_CHANNEL: Final = re.compile(r"#?[^\s#,]{1,80}")
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_ADDRESS: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_FORMS: Final = (
    ("connection", _CONNECTION, "is the name of an Airflow connection, never an address or token"),
    ("channel", _SLACK_CHANNEL, "is one channel, such as `#churn` or its id"),
    ("topic", _TOPIC, "is the ARN of a topic: `arn:aws:sns:eu-central-1:123456789012:churn`"),
    ("sender", _ADDRESS, "is one e-mail address, such as `churn@example.com`"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """One way to tell people, and of what.

    Raises:
        ValueError: It could not be sent; says all that is wrong with it.
    """

    __pydantic_config__: ClassVar = _STRICT

    to: Channel
    on: list[Occasion]
    connection: str | None = None
    """The Airflow connection; by default the provider's own, such as `slack_default`."""
    channel: str | None = None
    """Slack's channel (`slack` only)."""
    topic: str | None = None
    """The ARN of the topic (`sns` only)."""
    addresses: list[str] = field(default_factory=list)
    """Whom to write to (`smtp` and `ses`)."""
    sender: str | None = None
    """Who writes (`smtp` and `ses`); by default what the connection says (`smtp` only)."""
    region: str | None = None
    """The AWS region (`sns` and `ses`); by default the connection's."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sent, and what would do nothing."""
        problems = [*_missing(self), *_misshapen(self)]
        if not self.on:
            problems.append("`on` names no occasion, so nobody is told")
        problems += [
            f"`on` names `{name}` twice"
            for name in dict.fromkeys(self.on)
            if self.on.count(name) > 1
        ]
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def connection_id(self) -> str:
        """The Airflow connection it goes out through."""
        return self.connection or _CONNECTIONS[self.to]


@dataclass(frozen=True, kw_only=True, slots=True)
class Notifications:
    """The `notifications:` section of `mlops.yaml`: who is told, and how soon a run must end.

    Raises:
        ValueError: A deadline is none, or nobody would hear of it.
    """

    __pydantic_config__: ClassVar = _STRICT

    send: list[Notification] = field(default_factory=list)
    deadline_minutes: dict[str, float] = field(default_factory=dict)
    """Pipeline to the minutes after which a run that has not ended is a missed deadline."""

    def __post_init__(self) -> None:
        """Refuse deadlines that nothing would come of."""
        problems = []
        for pipeline, minutes in self.deadline_minutes.items():
            if pipeline not in _PIPELINES:
                problems.append(
                    f"`deadline_minutes`: there is no pipeline `{pipeline}`; "
                    f"there are {', '.join(f'`{name}`' for name in _PIPELINES)}"
                )
            if minutes <= 0:
                problems.append(f"`deadline_minutes`: `{pipeline}` needs more than 0 minutes")
        if self.deadline_minutes and not self.told_of("deadline_missed"):
            problems.append(
                "`deadline_minutes` is set, and nobody is told: add `deadline_missed` to an `on`"
            )
        if problems:
            raise ValueError("; ".join(problems))

    def told_of(self, occasion: str) -> list[Notification]:
        """Those that go out on that occasion."""
        return [each for each in self.send if occasion in each.on]

    @property
    def connections(self) -> list[str]:
        """The Airflow connections they go out through, each once."""
        return list(dict.fromkeys(each.connection_id for each in self.send))


def _missing(one: Notification) -> list[str]:
    if one.to not in _KEYS:
        return [f"`to` is one of {', '.join(_KEYS)}"]  # pydantic says so itself, with a near name
    own, needed = _KEYS[one.to]
    problems = [f"`to: {one.to}` needs `{key}`" for key in sorted(needed) if not getattr(one, key)]
    given = ("addresses", "channel", "region", "sender", "topic")
    return problems + [
        f"`{key}` says nothing to `{one.to}`"
        for key in given
        if getattr(one, key) and key not in own
    ]


def _misshapen(one: Notification) -> list[str]:
    # The values are not shown: an address that stands in for a connection holds a secret.
    problems = []
    for key, form, meaning in _FORMS:
        value = getattr(one, key)
        if value is not None and not form.fullmatch(value):
            problems.append(f"`{key}` {meaning}")
    if not all(_ADDRESS.fullmatch(address) for address in one.addresses):
        problems.append("`addresses` are e-mail addresses, each such as `ada@example.com`")
    return problems
