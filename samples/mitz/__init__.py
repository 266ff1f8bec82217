"""A sample register of consents: clients' choices in a file, closed questions over HTTP, faults on demand."""
