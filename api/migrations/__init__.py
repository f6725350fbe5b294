"""Database migrations (Alembic), applied when the service starts."""
