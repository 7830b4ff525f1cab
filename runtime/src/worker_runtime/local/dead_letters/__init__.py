"""Dead letters: read, told apart, sent back, on a stage or at any endpoint."""
