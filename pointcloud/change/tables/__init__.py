"""Tables of the change room: CSV with the source and the status of each row."""
