"""Measures the program on labelled data: the same road that a question takes."""
