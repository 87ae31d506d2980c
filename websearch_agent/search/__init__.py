"""Search engines, asked all at once; their results become one ranking."""
