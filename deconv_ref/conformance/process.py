"""A child process that is asked one thing at a time, and ended with all that it started.

Messages are pickled, each behind its length. What the child prints is read as it comes, and its
last bytes are kept: so it may print without end.
"""

import os
import pickle
import queue
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["Child", "DiedError", "Link", "cores", "fall_with", "receive", "send"]

HEADER = struct.Struct("<4sQ")
MARK = b"dref"  # whatever else is written where answers go is no answer
LOOK_SECONDS = 0.05  # between two looks at whether the child lives, and at its memory
GRACE_SECONDS = 1.0
LAST_BYTES = 2**12  # of what was printed
OF_A_STACK = re.compile(r"\s*(@ +0x|\*\*\* .* \*\*\*)")  # as glog has it, with addresses
POSIX = os.name == "posix"
NO_MORE, NO_ANSWER = object(), object()


class DiedError(Exception):
    """The process ended, was ended for its size or, if `late`, did not answer in time."""

    def __init__(self, how: str, late: bool = False) -> None:
        super().__init__(how)
        self.late = late


def cores() -> int:
    """Count the cores that this process may run on, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(HEADER.pack(MARK, len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a message.

    Raises
    ------
    EOFError
        If there are no more.
    pickle.UnpicklingError
        If there is something else.
    """
    mark, length = HEADER.unpack(_exactly(stream, HEADER.size))
    if mark != MARK:
        raise pickle.UnpicklingError("no message")
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        piece = stream.read(min(length - len(content), 2**20))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)


class Child:
    """A Python process that answers requests, as `deconv_ref.conformance.serve` does.

    It has a session of its own, so that all that it started can be ended with it, whatever signals
    it sends to its group.

    Parameters
    ----------
    arguments : sequence of str
        Of the Python interpreter. The number of a file follows, for `fall_with`, or nothing.
    environment : mapping
        Of the process.
    memory : int
        MiB that it may hold. Where the system does not tell (but for Linux), there is no limit.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], memory: int
    ) -> None:
        self._memory = memory
        self._next_look = 0.0
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._printed = bytearray()
        self._link = Link()
        # Without buffers: those lock, and a thread may be left reading when Python ends.
        self._process = subprocess.Popen(
            [sys.executable, *arguments, *self._link.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=POSIX,
            pass_fds=self._link.files,
        )
        self._link.passed()
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._listen, self._drain)
        ]
        for reader in self._readers:
            reader.start()

    def ask(self, request: Any, seconds: float) -> Any:
        """Send a request and wait for the answer.

        Raises
        ------
        DiedError
            If the process ends, or has to be ended, first.
        """
        assert self._process.stdin is not None
        deadline = time.monotonic() + seconds
        with suppress(OSError, ValueError):  # it is gone, which shows at once
            send(self._process.stdin, request)
        ended = False
        while True:
            left = deadline - time.monotonic()
            try:
                answer = self._answers.get(timeout=min(max(left, 0.0), LOOK_SECONDS))
                break
            except queue.Empty:
                if ended:  # and somebody else holds its end of the pipe
                    raise DiedError(self._last_words()) from None
                if left <= 0:
                    self.end()
                    raise DiedError(f"no answer within {seconds:g} s", late=True) from None
                ended = self._process.poll() is not None
            self._weigh()
        if answer is NO_ANSWER:
            self.end()
            raise DiedError("what it answers cannot be read: something else is written among it")
        if answer is NO_MORE:
            raise DiedError(self._last_words())
        self._weigh()
        return answer

    def end(self) -> int:
        """End the process and all that it started; give its exit status."""
        with suppress(ProcessLookupError, PermissionError):  # none of them lives
            if POSIX:
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        status = self._process.wait()
        self._link.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return status

    def _listen(self) -> None:
        """Put down answers, as long as there are any."""
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while True:
                try:
                    self._answers.put(receive(stream))
                except EOFError:
                    self._answers.put(NO_MORE)
                    return
                except Exception:  # whatever it is that was written there
                    self._answers.put(NO_ANSWER)
                    return

    def _drain(self) -> None:
        """Keep the last of what is printed."""
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while piece := stream.read(2**16):
                self._printed += piece
                del self._printed[:-LAST_BYTES]

    def _weigh(self) -> None:
        """Look at the memory that the process holds, but not all the time."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if _resident(self._process.pid) > self._memory:
            self.end()
            raise DiedError(f"went over the memory limit of {self._memory} MiB")

    def _last_words(self) -> str:
        """Say how the process ended, with the last line that it printed but for a stack's."""
        how = ""
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            how = "process lives, but has closed what it answers through"
        status = self.end()
        self._readers[1].join(GRACE_SECONDS)
        printed = self._printed.decode(errors="replace").strip().splitlines()
        lines = [line for line in printed if not OF_A_STACK.match(line)] or printed
        last = f": {lines[-1].strip()[:200]}" if lines else ""
        return (how or f"process {_manner(status)}") + last


def _manner(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    with suppress(ValueError):
        return f"killed by signal {-status} ({signal.Signals(-status).name})"
    return f"killed by signal {-status}"


def _resident(pid: int) -> float:
    """Tell how many MiB of memory a process holds; 0 where nobody says."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


class Link:
    """A pipe that nobody writes to: it closes when the process at this end ends, however it does.

    Attributes
    ----------
    files : tuple of int
        Of the other end, for the child; none where there are no such pipes.
    """

    def __init__(self) -> None:
        self.files: tuple[int, ...] = ()
        self._here: IO[bytes] | None = None
        if POSIX:
            there, here = os.pipe()
            self.files, self._here = (there,), os.fdopen(here, "wb", buffering=0)

    @property
    def arguments(self) -> list[str]:
        """What to tell the child."""
        return [str(file) for file in self.files]

    def passed(self) -> None:
        """Give the other end up, once the child has it."""
        for file in self.files:
            os.close(file)

    def close(self) -> None:
        """Let the child fall."""
        if self._here is not None:
            self._here.close()


def fall_with(file: int) -> None:
    """Let this process and its group be killed when the other end of a `Link` closes.

    So no target outlives a checker that was killed. Linux alone can do that without a thread, which
    a target could keep from running.
    """
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(file, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_ASYNC)
