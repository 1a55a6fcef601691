"""Good requests beside attacks, and faults with their numbers: python -m tests.attacks."""
