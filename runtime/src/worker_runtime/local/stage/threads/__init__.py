"""What a stage does at the same time: in real threads side by side, or in threads that take turns."""
