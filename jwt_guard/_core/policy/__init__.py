"""What a caller must be: conditions, requirements, the words they are written in."""
