"""Where projects run: stores that hold releases, Airflow's API, and the interpreters we manage."""
