"""Scripts run by path in Airflow's own interpreter: they import nothing of ours."""
