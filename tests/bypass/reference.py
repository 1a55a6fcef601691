"""python -m tests.bypass.reference PORT MODULE:APP: the standard library's own WSGI server."""

import sys
from importlib import import_module
from wsgiref.simple_server import WSGIRequestHandler, make_server


class Silent(WSGIRequestHandler):
    """Answer, and print no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        pass


if __name__ == "__main__":
    port, target = sys.argv[1:]
    module, _, name = target.partition(":")
    app = getattr(import_module(module), name)
    make_server("127.0.0.1", int(port), app, handler_class=Silent).serve_forever()
