"""All that knows dlt's inside and the destination: the one folder to read before an upgrade of dlt."""
