"""Random apps, asked at random: what the guard decided, and what the app itself does."""
