"""The pure half: no I/O, no clock, no logging, no framework, no threads."""
