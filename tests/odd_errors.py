"""What others' code raises: each names something of a machine, or a value, that no fact may hold."""

import errno

import asyncpg
from obstore.exceptions import GenericError
from py4j.protocol import Py4JError
from pymongo.errors import ServerSelectionTimeoutError

SECRET = "hidden"
_JAVA = (
    "java.io.IOException: hidden\n\tat org.apache.spark.rdd.RDD.iterator(RDD.scala:331)\n\tat hidden.Run.run(R.java)"
)
_PYTHON = 'Traceback (most recent call last):\n  File "/srv/hidden/x.py", line 3, in <module>\nValueError: hidden'

ODD = {
    "a file": FileNotFoundError(errno.ENOENT, "No such file or directory", "/srv/hidden/artifact"),
    "no room": OSError(errno.ENOSPC, "No space left on device", "/srv/hidden/artifacts/ab/artifact"),
    "another system": PermissionError("Access is denied: 'C:\\hidden\\artifact'"),
    "a connection": ConnectionRefusedError("Connect call failed ('hidden', 18333)"),
    "objects": GenericError("Generic S3 error: Error performing GET http://hidden.example:18333/datasets/x in 3 s"),
    "documents": ServerSelectionTimeoutError("hidden.example:27017: [Errno 111] Connection refused"),
    "tables": asyncpg.DataError("invalid input for query argument $1: 'hidden'"),
    "a value": ValueError("could not convert string to float: 'hidden'"),
    "Java": Py4JError(_JAVA),
    "Python": RuntimeError(_PYTHON),
}
