"""Files as people name them, of this machine or in S3, found and read alike by all commands."""
