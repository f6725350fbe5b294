"""Before and after: differences and volumes."""
