"""What keeps the promises of ``services``: S3."""
