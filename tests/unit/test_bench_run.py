#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""./vm bench: a server and its client."""

import os
import sys
import tempfile
import unittest

import run

# Refused a number of times, which it counts in a file; then does what it is for.
CLIENT = """
import sys
name, times, words = sys.argv[1:]
with open(name, "a+") as tries:
    tries.write(".")
    tries.seek(0)
    if len(tries.read()) > int(times):
        print("done")
    else:
        sys.exit(words)
"""


class Pair(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)

    @staticmethod
    def pair(times, words="Failed to connect.\nERRNO: Connection refused."):
        client = [sys.executable, "-c", CLIENT, "tries", str(times), words]
        return run.pair([sys.executable, "-c", ""], client, lambda pid: True)

    @staticmethod
    def tries():
        return os.path.getsize("tries")

    def test_refused_at_first(self):
        self.assertEqual(self.pair(2), "done\n")
        self.assertEqual(self.tries(), 3)

    def test_refused_for_good(self):
        with self.assertRaisesRegex(run.Failure, "Connection refused"):
            self.pair(1000)
        self.assertEqual(self.tries(), run.TRIES)

    def test_other_failure(self):
        with self.assertRaisesRegex(run.Failure, "No such device"):
            self.pair(1000, "No such device")
        self.assertEqual(self.tries(), 1)


if __name__ == "__main__":
    unittest.main()
