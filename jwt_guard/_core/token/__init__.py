"""Bytes -> verified: the token, its keys, its claims."""
