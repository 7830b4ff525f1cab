"""What the operator's commands do, apart from how they are called and what they print."""
