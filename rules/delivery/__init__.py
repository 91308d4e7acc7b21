"""Between what a group has become and whoever is told of it: now, later, or not at all, each with its reason."""
