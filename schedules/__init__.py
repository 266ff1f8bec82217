"""When things run: slots, the four tasks, and the threads that run them."""
