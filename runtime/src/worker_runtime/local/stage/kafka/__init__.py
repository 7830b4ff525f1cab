"""The Kafka of a stage: who needs it, its topics, and how workers find it."""
