"""The `mlops` command line: model projects on Apache Airflow."""

__version__ = "0.1.0"
