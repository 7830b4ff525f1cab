"""What a command is made of, the runtime's own and a plugin's: how it reads, asks, speaks and ends."""
