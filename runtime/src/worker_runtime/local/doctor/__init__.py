"""What is wrong with what is installed, as far as it can be told without AWS."""
