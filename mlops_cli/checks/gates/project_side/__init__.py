"""What runs in the project's own interpreter: it imports the project's package, nothing of ours."""
