"""How what topics, buckets and rules send to a function reaches it on the stage: by a queue of SQS's.

Each such source of a worker has a queue of its own, a relay: the topic is subscribed with it, the bucket
notifies it, the rule has it as its target. ``polling.event_relay`` takes the messages, ``forms`` makes them
the events that Lambda would hand over, ``polling.async_events`` sees them through; a message is deleted when
its event is over.

Why not let the emulator call the function: it invokes once (SNS, EventBridge) or retries on its own clock
(S3), loses what fails, tells nobody what is in flight, and needs to be MiniStack. A queue is what Lambda
itself has there: it is filled before Publish and PutEvents answer, so ``Stage.idle`` misses nothing (S3
notifies a moment after PutObject has answered, as in AWS); it outlives a stage that is killed; any endpoint
has one. What it costs: ``MessageStructure`` json is resolved for the protocol ``sqs``, not ``lambda``.
"""
