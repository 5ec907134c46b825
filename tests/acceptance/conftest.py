"""The command line as a user has it, and the session's one Airflow."""

from __future__ import annotations

import pytest
from real_airflow import local_airflow, local_airflow_data
from somebody import Said, User

__all__ = ["Said", "User", "local_airflow", "local_airflow_data"]


@pytest.fixture(scope="session")
def user(local_airflow_data, local_airflow) -> User:
    return User(local_airflow_data)
