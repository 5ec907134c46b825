"""How a step runs somewhere, as Airflow tasks: one module a platform, chosen by the settings."""

from .local import gate, mapped, step

__all__ = ["gate", "mapped", "step"]
