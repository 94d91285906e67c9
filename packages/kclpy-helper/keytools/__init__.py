"""Makes what kclpy_helper knows of property keys from the jars of each KCL line. In no wheel."""
