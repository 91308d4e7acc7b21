"""The analyst without a model: weighs what was gathered by stated heuristics and writes the conclusion."""
