"""The door to the workers of a stage: Lambda's Invoke API, for whoever calls a function by its name.

Contract
--------
Who: boto3's ``lambda.invoke`` against the gateway (workers) or the front (people), which hand it to
``Door.answer``; and the emulator, where Step Functions, AppSync, API Gateway or Firehose call a function.
A worker's function is called ``names.local_name(worker_id)`` (``local-dmnd-shortenEventUrl``), its ARN is
``Function.arn``; a name, a partial ARN and an ARN are taken, ``$LATEST`` is the only version.

``Door.admit(function_name, arn=, callee=)`` opens it for a worker. A ``Callee`` has ``ask(event,
request_id=)``, which runs it and returns the ``Report`` (None while the stage is taken down), and
``queue(event)``, which puts the event into Lambda's queue of asynchronous invocations.
``Door.busy()`` tells of calls that are not answered yet.

* ``RequestResponse``: 200 and the reply as the handler gave it. An error is 200 with ``X-Amz-Function-Error:
  Unhandled`` and ``{"errorMessage", "errorType", "requestId"?, "stackTrace"?}``, the error's name intact.
  ``LogType: Tail`` adds the last 4 KB of the log. Over 6 MB: 413 RequestEntityTooLargeException.
  More at once than the function may: 429 TooManyRequestsException.
* ``Event``: 202; over 1 MB is 413. Lambda's retries, age and dead letters follow (``polling.async_events``).
* ``DryRun``: 204. Unknown function or version: 404. No JSON: 400 InvalidRequestContentException.

An invocation by way of the emulator costs 9 ms more than the worker's, one at the gateway 0.6 ms; a function
costs 9 ms when the stage starts, so ``deploy`` is for workers that the emulator itself calls.

The emulator's side: ``deploying.deploy`` registers a function a worker as ``provided.al2023``; its bootstrap
(``bootstrap.py``) asks the emulator's Runtime API for events, calls the door and posts what it says, so that
error names reach ``Retry`` and ``Catch``, which the emulator's Python executor loses. The emulator has a
cheaper way (``MINISTACK_LAMBDA_PROXY_URL``), which loses them too. A throttle is posted as the error
``Lambda.TooManyRequestsException``, which is what Step Functions calls it. The emulator itself does not
retry asynchronous invocations (MaximumRetryAttempts 0): call the gateway or the front for Lambda's own.
"""
