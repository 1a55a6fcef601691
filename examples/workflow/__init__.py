"""The plain JWT story as a small app: log in, get a token, call a route.

    python -m examples.workflow            # a page on http://127.0.0.1:8000/
    python -m examples.workflow --once     # the same story as a transcript

`users` knows passwords, `tokens` makes signed tokens, `login` trades one for the
other, and `app` puts the guard in front of the routes.
"""
