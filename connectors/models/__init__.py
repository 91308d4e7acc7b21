"""Models: Anthropic's, and whatever speaks the OpenAI-compatible chat API; none is there unless it is configured."""
