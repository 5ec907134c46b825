"""What runs inside generated projects: settings, steps and gates; vendored, stands alone."""
