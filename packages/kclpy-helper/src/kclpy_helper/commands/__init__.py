"""The subcommands of kclpy-helper, one module each, imported when it is used. They print; the modules they call do not."""
