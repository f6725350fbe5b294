"""Numbers and value objects of tengun. No web, no jobs."""
