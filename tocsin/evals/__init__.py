"""Evaluation: scored cases given to the analyst as what its tools return, its conclusions as answers, and how good they are."""
