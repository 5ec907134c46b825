from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Also when this folder is run alone, without the conftest above it.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes.airflow_server import FakeAirflow  # noqa: E402 -- see above
from fakes.clocks import FakeClock  # noqa: E402

from mlops_cli.core.redact import Secret  # noqa: E402
from mlops_cli.environments.apis.rest import RestApi, connect  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def served() -> Iterator[FakeAirflow]:
    with FakeAirflow().serving() as server:
        yield server


@pytest.fixture
def ticking() -> FakeClock:
    return FakeClock()


@pytest.fixture
def asking(served: FakeAirflow, ticking: FakeClock) -> Iterator[RestApi]:
    made = connect(
        served.url, username=served.username, password=Secret(served.password), clock=ticking
    )
    yield made
    made.close()
