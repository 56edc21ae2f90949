"""`python -m embedding_conformance.worker TARGET`: serve an adapter over standard input and output.

Requests and answers are JSON objects, one a line; docs/protocol.md describes all of them. A request is {"id", "verb",
"on", "arguments"}: `on` is 0 for the adapter itself, else the number of an instance, which is the id of the request
that made it; an optional "forget" lists instances that are no longer needed. An answer is {"id"} and one of "result",
"instance" (the number of a new instance), "refused" ({"family", "kind", "message"}, and "lost": true where this process
can answer nothing more and must be replaced), "unsupported" (the reason; with "asked": true where the implementation
raised for want of it) or "error" (the adapter broke: a traceback).
Values are encoded as in `boundary.wire`. Whatever the implementation itself prints goes to standard error.

Runs on Python 3.8 and later with nothing but the standard library and the framework.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from embedding_conformance.boundary.attempts import Failure, attempt
from embedding_conformance.boundary.refusals import Lost, Misanswered, MissingVerb, Refused, Unsupported
from embedding_conformance.boundary.target import UNUSABLE, UnusableTarget, resolve
from embedding_conformance.boundary.verbs import VERBS, misspelt_verb
from embedding_conformance.boundary.wire import decode, encode
from embedding_conformance.unusable import nearest


def serve(adapter: Any, requests: Any, answers: Any) -> None:
    """Answer each line of `requests` with a line of `answers`, until there are no more.

    Args:
        adapter: the adapter that is served.
        requests: an iterable of lines.
        answers: a text stream.
    """
    objects: dict[int, Any] = {0: adapter}
    for line in requests:
        request = json.loads(line)
        answers.write(json.dumps({"id": request["id"], **_answer(objects, request)}) + "\n")
        answers.flush()


def _answer(objects: dict[int, Any], request: dict[str, Any]) -> dict[str, Any]:
    for number in request.get("forget", ()):
        objects.pop(number, None)
    outcome = attempt(lambda: _result(objects, request))
    if not isinstance(outcome, Failure):
        return outcome
    error = outcome.error
    if isinstance(error, Refused):
        lost = {"lost": True} if isinstance(error, Lost) else {}
        return {"refused": {"family": error.family, "kind": error.kind, "message": error.message, **lost}}
    if isinstance(error, Unsupported):
        return {"unsupported": error.reason, **({"asked": True} if error.asked else {})}
    if isinstance(error, SystemExit):
        raise error
    return {"error": "".join(traceback.format_exception(type(error), error, error.__traceback__))}


def _result(objects: dict[int, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Call the verb that a request names, and return the answer; exceptions are left to the caller."""
    owner, verb = objects[request["on"]], VERBS.get(request["verb"])
    if verb is None:
        # A newer suite may know more verbs than this worker. The hint is for whoever wrote a client by hand.
        raise Unsupported(f"there is no verb {request['verb']!r}{nearest(str(request['verb']), VERBS, cutoff=0.6)}")
    if not hasattr(owner, verb.name):
        raise MissingVerb(verb.name)
    result = getattr(owner, verb.name)(**decode(request["arguments"]))
    if not verb.makes_instance:
        return {"result": encode(result)}
    if mistake := misspelt_verb(type(result), of_adapter=False):
        raise Misanswered(mistake)
    objects[request["id"]] = result
    return {"instance": request["id"]}


def main() -> int:
    """Serve the target named on the command line."""
    # The protocol keeps the real standard input and output to itself: the implementation must neither print among the
    # answers nor read requests.
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        adapter = resolve(sys.argv[1])
    except UnusableTarget as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    serve(adapter, requests, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
