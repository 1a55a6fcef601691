"""A WSGI app that nobody has touched, guarded by a file alone.

export APP_SECRET=$(openssl rand -hex 32) JWT_GUARD_CONFIG=examples/legacy/guard.toml
gunicorn 'jwt_guard.wrap:wsgi("examples.legacy.app:app")'
"""
