"""How models age: simulated on the labelled partitions, and seen on the versions in service."""
