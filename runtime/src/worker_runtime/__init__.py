"""A plugin-based worker runtime for AWS Lambda."""
