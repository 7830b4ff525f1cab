"""What Lambda hands over beside the event, as both runtimes read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaContext:
    """Lambda's context; a minute is left."""

    aws_request_id: str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    function_name: str = "bench"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    memory_limit_in_mb: int = 2048

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


CONTEXT = LambdaContext()
