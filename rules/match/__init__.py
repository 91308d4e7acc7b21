"""What makes a rule fire beyond one signal: windows of them, steps, silence where there should be none, and time."""
