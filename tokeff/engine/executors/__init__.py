"""Executors: who does the tasks. In this process, in worker processes here, or on a Ray cluster; the same results."""
