"""What came: the request, its credentials, its path, the table."""
