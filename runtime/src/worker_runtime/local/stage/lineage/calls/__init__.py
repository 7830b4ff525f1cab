"""What a worker's call to AWS made, read from request and answer; a module a family of services."""
