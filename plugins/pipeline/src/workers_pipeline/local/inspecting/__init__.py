"""What ``workers pipeline inspect`` looks at: stored Avro files, and what their rows come to."""
