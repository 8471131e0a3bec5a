"""Answers of all visitors, within a bound on memory."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable

from segexp.inference.demo.answer import Answer


class AnswerCache:
    """The latest answers by keys that cannot be guessed; the oldest go when memory is full, the newest stays."""

    def __init__(self, most: int, gone: Callable[[str], None] = lambda key: None) -> None:
        """Keeps up to ``most`` bytes; ``gone`` is told the key of an answer that is not kept any longer."""
        self.most = most
        self.gone = gone
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return sum(answer.size for answer in self._answers.values())

    def add(self, answer: Answer) -> str:
        """Keeps an answer and gives its key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > 1 and self.size > self.most:
                self.gone(self._answers.popitem(last=False)[0])
        return key

    def get(self, key: str | None) -> Answer | None:
        """Gives the answer of a key, which counts as new again; None: it has gone."""
        with self._lock:
            if key is None or key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key]

    def drop(self, key: str | None) -> None:
        """Forgets an answer: its visitor has left, or has another image."""
        with self._lock:
            if key is not None and self._answers.pop(key, None) is not None:
                self.gone(key)
