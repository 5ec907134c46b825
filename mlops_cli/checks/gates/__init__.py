"""`mlops test --gates`: each gate of a project is given what it must stop."""
