"""A laptop's Amazon MWAA: its service, its bucket and its nodes, in front of a real Airflow.

It practises what `kind: mwaa` does, with no account. It installs no requirements, knows no IAM
policies, and has one machine where MWAA has several.
"""
