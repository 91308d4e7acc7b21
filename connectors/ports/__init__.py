"""What the processors ask of the outside: protocols alone, no adapter."""
