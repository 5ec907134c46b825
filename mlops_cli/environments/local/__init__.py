"""The local Airflow: one per user, run in the background by our own supervisor."""
