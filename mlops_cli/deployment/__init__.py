"""Makes a release live, all at once or not at all, and proves that it is."""
