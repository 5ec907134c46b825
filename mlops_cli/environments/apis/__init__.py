"""The APIs of Airflows: one set of questions, several ways to carry them."""
