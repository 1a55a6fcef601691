"""Reports, as in the days when the web server said who is there, in REMOTE_USER."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ANSWERS = {
    ("GET", "health"): "fine",
    ("GET", "reports"): "reports for",
    ("PUT", "reports"): "written by",
    ("DELETE", "reports"): "deleted by",
}


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    # It reads paths as generously as old code does: //reports, /./reports, /reports;v=1.
    words = environ["PATH_INFO"].replace(";", "/").split("/")
    place = next((word for word in words if word not in {"", ".", ".."}), "")
    answer = ANSWERS.get((environ["REQUEST_METHOD"], place))
    start_response("200 OK" if answer else "404 Not Found", [("Content-Type", "text/plain")])
    return [f"{answer or 'nothing for'} {environ.get('REMOTE_USER', 'anybody')}\n".encode()]
