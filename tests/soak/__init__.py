"""Ten minutes of rotation, faults and load: pytest -m soak."""
