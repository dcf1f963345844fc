"""What can be seen of the service from outside: metrics, traces and the wide lines of the log."""
