"""Much is delivered while rights come and go and processes die; then the portal's own store is held against what was permitted when."""
