"""Where events come from: what an application publishes, what is imported, and what is read from a system."""
