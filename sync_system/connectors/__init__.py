"""One folder for each kind of system that leads are read from and written to."""
