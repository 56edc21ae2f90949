"""`python -m embedding_conformance.worker TARGET`: serve an adapter over standard input and output.

One JSON object a line each way; docs/protocol.md has all of it. A request is {"id", "verb", "on", "arguments"}: `on` is
0 for the adapter itself, else the number of an instance, which is the id of the request that made it; an optional
"forget" lists instances that are done with. An answer is {"id"} and one of "result", "instance" (the number of a new
instance), "refused" ({"family", "kind", "message"}, and "lost": true where this process can answer nothing more and is
to be replaced), "unsupported" (the reason) or "error" (the adapter broke: a traceback). Values are those of
`boundary.wire`. Anything that the implementation itself prints goes to standard error.

Runs on Python 3.8 and later with nothing but the standard library and the framework.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from embedding_conformance.boundary.adapter import Lost, Refused, Unsupported
from embedding_conformance.boundary.target import UNUSABLE, UnusableTarget, resolve
from embedding_conformance.boundary.verbs import MAKING
from embedding_conformance.boundary.wire import decode, encode


def serve(adapter: Any, requests: Any, answers: Any) -> None:
    """Answer each line of `requests` with a line of `answers`, until there are no more.

    Args:
        adapter: what is served.
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
    if request["on"] in objects and not hasattr(objects[request["on"]], request["verb"]):
        return {"unsupported": f"the adapter has no {request['verb']}"}
    try:
        result = getattr(objects[request["on"]], request["verb"])(**decode(request["arguments"]))
        if request["verb"] not in MAKING:
            return {"result": encode(result)}
    except Refused as refused:
        lost = {"lost": True} if isinstance(refused, Lost) else {}
        return {"refused": {"family": refused.family, "kind": refused.kind, "message": refused.message, **lost}}
    except Unsupported as unsupported:
        return {"unsupported": str(unsupported)}
    except Exception:  # noqa: BLE001 - whatever broke is reported to the other side
        return {"error": traceback.format_exc()}
    objects[request["id"]] = result
    return {"instance": request["id"]}


def main() -> int:
    """Serve the target named on the command line."""
    # The protocol keeps the real standard input and output to itself: what the implementation prints must not mix with
    # answers, and what it reads must not be requests.
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
