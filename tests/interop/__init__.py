"""A certified provider from npm, run for real: pytest -m interop."""
