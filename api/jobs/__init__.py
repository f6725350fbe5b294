"""Job records, dispatcher and worker."""
