"""What an Airflow has besides DAGs, in the words of API v2: providers, connections, variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .asking import Asking, part

if TYPE_CHECKING:
    from collections.abc import Mapping


class Inventory(Asking):
    """The part of the API that says what is installed and set up; values are never kept."""

    def providers(self) -> Mapping[str, str]:
        """Provider package to its version."""
        found = self._pages("/providers", "providers", {})
        return {str(item["package_name"]): str(item["version"]) for item in found}

    def has_connection(self, name: str) -> bool:
        """Whether Airflow's database has a connection; other places are not looked at."""
        return self._get(f"/connections/{part(name)}") is not None

    def has_variable(self, name: str) -> bool:
        """Whether Airflow's database has a variable; other places are not looked at."""
        return self._get(f"/variables/{part(name)}") is not None

    def has_pool(self, name: str) -> bool:
        """Whether there is a pool."""
        return self._get(f"/pools/{part(name)}") is not None
