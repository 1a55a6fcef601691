"""WebSockets under every server that has them."""
