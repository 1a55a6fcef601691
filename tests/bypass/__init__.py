"""Tricks with paths, methods and headers, against real servers."""
