"""Tests of the pure half, module by module."""
