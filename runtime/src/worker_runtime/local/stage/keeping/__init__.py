"""What a stage keeps in its state folder, so that it goes on where it was, however it ended."""
