"""The folder of builds: making, storing, verifying and shipping them."""
