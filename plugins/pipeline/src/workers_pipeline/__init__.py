"""The demand table's changes as Avro files in S3, for Athena and whoever reads Avro."""
