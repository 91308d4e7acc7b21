"""What Tocsin keeps by itself: the journal's adapters, and the emergency journal for pages."""
