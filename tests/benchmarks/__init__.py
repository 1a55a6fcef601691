"""Benchmarks; nothing here is a timed test."""
