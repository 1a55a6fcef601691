"""A real browser asks guarded servers: pytest -m browser."""
