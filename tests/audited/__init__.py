"""Apps as people write them, for the audit: a shop, a forum, an API of articles."""
