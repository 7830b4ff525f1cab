"""A whole stack on one machine: real parts, real worker processes, Lambda's pollers, one clock.

``with Stage(StageOptions(stack="dmnd", speed=20)) as stage:`` brings everything up; whatever
happens inside, no process, thread or port is left behind.
"""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_runtime.catalogue import scan
from worker_runtime.clock import ScaledClock
from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.accidents import Accidents
from worker_runtime.local.stage.answers import Reply
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.checkpoints import Checkpoints
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.delivering import Delivery
from worker_runtime.local.stage.emulator import Emulator
from worker_runtime.local.stage.executor import Executor
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.in_process import InProcessFunction, ProcessEnvironment
from worker_runtime.local.stage.letters import peek
from worker_runtime.local.stage.mappings import Ground, origins_of, poller_of
from worker_runtime.local.stage.part import Part
from worker_runtime.local.stage.provisioning import Outside, provision
from worker_runtime.local.stage.redis_server import RedisServer
from worker_runtime.local.stage.redriving import Redriver
from worker_runtime.local.stage.routed_output import RoutedOutput
from worker_runtime.local.stage.sqs_calls import SqsCalls
from worker_runtime.local.stage.sqs_poller import CONCURRENT_BATCHES
from worker_runtime.local.stage.staged_outages import outages_of
from worker_runtime.local.stage.staged_workers import (
    Surroundings,
    declarations,
    function_of,
    offers_of,
    plugins_of,
    write_settings,
)
from worker_runtime.local.stage.visibility import VisibilityBook
from worker_runtime.local.stage.worker_logs import WorkerLogs

if TYPE_CHECKING:
    from typing import Self

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.local.stage.counting import WorkerCounts
    from worker_runtime.local.stage.delivering import Invoker
    from worker_runtime.local.stage.invocations import Function
    from worker_runtime.local.stage.letters import Letter
    from worker_runtime.local.stage.mappings import Poller
    from worker_runtime.local.stage.stand_in import StandIn

REGION = "us-east-1"

_IDLE_CHECK_S = 0.1


class NotIdle(WorkerRuntimeError):
    """Records are still on their way when they should not be any more."""


class InvocationFailed(WorkerRuntimeError):
    """A worker that was invoked by hand did not return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """What is staged, and how.

    ``stack`` None stages all workers. ``speed`` is stage seconds a second. ``endpoint_url`` takes
    another AWS endpoint than an emulator of the stage's own. ``state_dir`` keeps logs and checkpoints.
    """

    stack: str | None = None
    speed: float = 1.0
    seed: int = 0
    in_process: bool = False
    faults: frozenset[str] = frozenset()
    endpoint_url: str | None = None
    state_dir: Path | None = None
    concurrent_batches: int = CONCURRENT_BATCHES


class Stage(Part):
    """One stage, from ``start`` to ``stop``."""

    clock: ScaledClock
    aws: AwsClients
    logs: Path

    def __init__(self, options: StageOptions) -> None:
        """Prepare; raises UnknownFault."""
        self.options = options
        self._accidents = Accidents(options.faults, seed=options.seed)
        self._chance = random.Random(options.seed)
        self._stand_ins: dict[str, StandIn] = {}
        self._invokers: dict[str, Invoker] = {}
        self._deliveries: list[Delivery] = []
        self._pollers: list[Poller] = []
        self._running = ExitStack()

    def start(self) -> Self:
        """Bring everything up; what fails half way takes down what was up."""
        with ExitStack() as parts:
            self._bring_up(parts)
            self._running = parts.pop_all()
        return self

    def stop(self) -> None:
        """Take everything down, the pollers first; messages in flight become visible again."""
        self._running.close()

    def named(self, kind: str, name: str) -> str:
        """Return the real name, URL or ARN of a resource; raises NotStaged."""
        return self._names.named(kind, name)

    def stand_in(self, name: str) -> StandIn:
        """Return the running stand-in of an outside service."""
        try:
            return self._stand_ins[name]
        except KeyError:
            known = ", ".join(sorted(self._stand_ins)) or "none"
            raise WorkerRuntimeError(f"no stand-in is called {name!r}; there are {known}.") from None

    def workers(self) -> dict[str, WorkerCounts]:
        """Return what each worker has done so far."""
        return self._tally.by_worker()

    def idle(self) -> bool:
        """Whether no record is unread, in flight, hidden or delayed anywhere, dead letters excepted."""
        before = self._tally.moves
        return not any(poller.busy() for poller in self._pollers) and self._tally.moves == before

    def wait_idle(self, *, timeout_s: float) -> None:
        """Wait until the stage is idle; raises NotIdle after ``timeout_s`` of the machine's seconds."""
        deadline = time.monotonic() + timeout_s
        while not self.idle():
            if time.monotonic() > deadline:
                raise NotIdle(f"records are still on their way after {timeout_s:g} s: {self.workers()}")
            time.sleep(_IDLE_CHECK_S)

    def dead_letters(self, queue: str) -> list[Letter]:
        """Look at what waits in a dead-letter queue, and leave it there."""
        return peek(self.aws("sqs"), self.named("queue", queue))

    def redrive(self, queue: str, *, refresh: bool = False) -> int:
        """Send back the letters of a dead-letter queue and return how many went."""
        redriver = Redriver(
            self.named("queue", queue),
            origins=origins_of(queue, declarations=self._declarations, names=self._names),
            aws=self.aws,
            invoke=self.invoke,
            clock=self.clock,
        )
        return redriver.redrive(refresh=refresh).sent

    def invoke(self, worker_id: str, event: Any) -> Any:
        """Run a worker on an event past all pollers and return its reply; raises InvocationFailed."""
        self._tally.moved()
        answer = self._invokers[worker_id].invoke(event).answer
        self._tally.moved()
        if not isinstance(answer, Reply):
            raise InvocationFailed(f"{worker_id}: {answer.error_type}: {answer.message}")
        return answer.value

    def kill_worker(self) -> int | None:
        """Kill one busy worker process by SIGKILL; its id, None where none is busy."""
        invokers = list(self._invokers.values())
        self._chance.shuffle(invokers)
        return next((pid for invoker in invokers if (pid := invoker.kill_one()) is not None), None)

    def _bring_up(self, parts: ExitStack) -> None:
        """Start part after part; ``parts`` takes them down in the opposite order."""
        catalogue = scan()
        self._declarations = declarations(catalogue, stack=self.options.stack)
        self._tally = Tally(self._declarations)
        folder = self._folder(parts)
        self._worker_logs = parts.enter_context(WorkerLogs(folder / "logs"))
        self.logs = self._worker_logs.folder
        self.clock = ScaledClock(self.options.speed, origin=time.time())
        around = self._surround(parts, catalogue, folder)
        self._man(parts, around, folder)

    def _folder(self, parts: ExitStack) -> Path:
        folder = self.options.state_dir
        if folder is None:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="stage-")))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _surround(self, parts: ExitStack, catalogue: Catalogue, folder: Path) -> Surroundings:
        """Start all that the workers talk to: AWS and the gateway before it, Redis, outside services."""
        options = self.options
        own = credentials(options.endpoint_url)
        endpoint_url = options.endpoint_url or parts.enter_context(Emulator(folder / "emulator")).endpoint_url
        self.aws = parts.enter_context(AwsClients(endpoint_url, region=REGION, credentials=own))
        redis = parts.enter_context(RedisServer())
        plugins = plugins_of(self._declarations)
        offers = offers_of(plugins, catalogue)
        urls: dict[str, dict[str, str]] = {}
        for plugin, service in offers.services:
            stand_in = self._stand_ins[service.name] = parts.enter_context(
                service.make(self.clock, options.seed)
            )
            urls.setdefault(plugin, {})[service.setting] = stand_in.url
        settings_file = folder / "settings.json"
        write_settings(settings_file, plugins=plugins, catalogue=catalogue, urls=urls)
        outside = Outside(tables=offers.tables, secrets=offers.secrets, redis_url=redis.url)
        self._names = provision(self._declarations.values(), outside=outside, aws=self.aws, region=REGION)
        return Surroundings(
            names=self._names,
            endpoint_url=self._gateway(parts, endpoint_url, redis).url,
            settings_file=settings_file,
            clock=self.clock,
            credentials=own,
            region=REGION,
        )

    def _gateway(self, parts: ExitStack, endpoint_url: str, redis: RedisServer) -> Gateway:
        """Start what keeps the stage's time for the workers' calls, and what may go wrong with them."""
        self._book = parts.enter_context(VisibilityBook(self.aws("sqs"), clock=self.clock))
        calls = SqsCalls(self._book, clock=self.clock)
        parts.enter_context(self._accidents)
        gateway = parts.enter_context(Gateway(endpoint_url, answer=calls, called=self._accidents.called))
        stand_ins = self._stand_ins.values()
        self._accidents.plan_outages(
            outages_of(gateway=gateway, stand_ins=stand_ins, redis=redis, seed=self.options.seed)
        )
        self._accidents.plan_crashes(self._crash)
        return gateway

    def _man(self, parts: ExitStack, around: Surroundings, folder: Path) -> None:
        """Start the workers' functions and the pollers of all their sources."""
        if self.options.in_process:
            parts.enter_context(RoutedOutput())
            variables = {"AWS_ENDPOINT_URL": around.endpoint_url, "AWS_REGION": REGION, **around.credentials}
            parts.enter_context(ProcessEnvironment(variables))
        ground = Ground(
            aws=self.aws,
            names=self._names,
            book=self._book,
            checkpoints=Checkpoints(folder / "checkpoints.json"),
            clock=self.clock,
            concurrent_batches=1 if self.options.in_process else self.options.concurrent_batches,
        )
        for worker_id, declaration in self._declarations.items():
            function = function_of(worker_id, declaration, around=around, folder=folder)
            invoker = self._invokers[worker_id] = self._invoker(worker_id, function)
            delivery = Delivery(worker_id, invoker=invoker, tally=self._tally, accidents=self._accidents)
            self._deliveries.append(delivery)
            self._pollers += [
                poller_of(source, declaration, delivery=delivery, function_arn=function.arn, ground=ground)
                for source in declaration.sources
            ]
        for step in ([p.stop for p in self._pollers], [i.stop for i in self._invokers.values()]):
            for stop in step:
                parts.callback(stop)
        for poller in self._pollers:
            parts.callback(poller.quit)
            poller.start()

    def _invoker(self, worker_id: str, function: Function) -> Invoker:
        def on_log(line: str, _function: str, request_id: str | None) -> None:
            self._worker_logs.write(worker_id, line)
            self._tally.read_line(line, request_id)

        executor = Executor(function, speed=self.options.speed, on_log=on_log)
        if not self.options.in_process:
            return executor
        timeout_s = executor.wall_timeout_s
        return InProcessFunction(function, clock=self.clock, wall_timeout_s=timeout_s, on_log=on_log)

    def _crash(self) -> bool:
        """Crash one worker in the middle of a batch; False where none is at it."""
        deliveries = list(self._deliveries)
        self._chance.shuffle(deliveries)
        return any(delivery.crash() for delivery in deliveries)
