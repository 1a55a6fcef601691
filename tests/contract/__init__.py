"""One app on every surface, and what is asked of it."""
