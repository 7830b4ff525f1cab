"""Lambda's event-source mappings: what is polled, batched, retried, checkpointed and given up."""
