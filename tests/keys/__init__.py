"""Keys from the network, against real servers."""
