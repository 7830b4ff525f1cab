"""What ``workers new`` writes: templates, the names that fill them, and where files go."""
