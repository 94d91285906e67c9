"""What builds kclpy-jars: the choice of a lock, the collecting of its jars, the making of locks.

In the sdist, not in the wheel.
"""
