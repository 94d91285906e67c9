"""Everything a person needs to get the KCL's MultiLangDaemon running from Python.

The command is ``kclpy-helper`` (:mod:`kclpy_helper.cli`). The modules behind it are usable on their own:
:mod:`~kclpy_helper.java` finds a Java, :mod:`~kclpy_helper.classpath` builds the class path,
:mod:`~kclpy_helper.properties` reads the properties file, :mod:`~kclpy_helper.command` makes the command,
and :mod:`~kclpy_helper.daemon` runs it as a child process.
"""
