"""Changes that are delivered again: from recorded events, or from an export of the table."""
