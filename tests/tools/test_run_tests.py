"""The one who counts must count right: above all, what did not run must not pass."""

import os
import select
import tempfile
import unittest

from script import load

run_tests = load("run-tests")


class CountCmocka(unittest.TestCase):
    def test_points_are_counted(self):
        self.assertEqual((1, 1), run_tests.count_cmocka("1..2\nok 1 - a\nnot ok 2 - b\n# not ok - tests\n"))

    def test_points_that_a_crash_swallowed_count_as_failed(self):
        self.assertEqual((1, 2), run_tests.count_cmocka("1..3\nok 1 - a\n"))

    def test_a_skipped_point_counts_as_failed(self):
        self.assertEqual((0, 1), run_tests.count_cmocka("1..1\nok 1 # SKIP a\n"))
        self.assertEqual((0, 1), run_tests.count_cmocka("1..1\nnot ok 1 # SKIP a\n"))

    def test_several_groups_add_up(self):
        self.assertEqual((2, 1), run_tests.count_cmocka("1..1\nok 1 - a\n1..2\nok 1 - b\n"))


class CountNode(unittest.TestCase):
    def test_only_leaves_are_cases(self):
        text = "    ok 1 - a\n    ok 2 - b\n    1..2\nok 1 - parent\nok 2 - c\n1..2\n"
        self.assertEqual((3, 0), run_tests.count_node(text))

    def test_a_failed_leaf_counts_once_though_its_parents_fail_too(self):
        text = "        not ok 1 - a\n    not ok 1 - b\n    ok 2 - c\nnot ok 1 - d\n"
        self.assertEqual((1, 1), run_tests.count_node(text))

    def test_a_parent_that_failed_alone_counts(self):
        self.assertEqual((1, 1), run_tests.count_node("    ok 1 - a\nnot ok 1 - with a broken hook\n"))

    def test_two_parents_do_not_share_children(self):
        text = "    not ok 1 - a\nnot ok 1 - p\n    ok 1 - b\nnot ok 2 - q\n"
        self.assertEqual((1, 2), run_tests.count_node(text))

    def test_skipped_and_todo_count_as_failed(self):
        self.assertEqual((0, 2), run_tests.count_node("ok 1 - a # SKIP\nok 2 - b # TODO later\n"))

    def test_a_file_without_cases_passes_nothing(self):
        self.assertEqual((0, 0), run_tests.count_node("ok 1 - /x/c.test.mjs\n1..1\n# pass 1\n"))

    def test_a_file_that_broke_counts_as_failed(self):
        self.assertEqual((1, 1), run_tests.count_node("ok 1 - a\nnot ok 2 - /x/d.test.mjs\n"))

    def test_what_a_case_printed_is_not_counted(self):
        text = "# ok 1 - said\n# \\# pass 7\nnot ok 1 - a\n  ---\n  error: |-\n    ok 1 - quoted\n  ...\n"
        self.assertEqual((0, 1), run_tests.count_node(text))


class Shown(unittest.TestCase):
    def test_good_points_are_left_out_and_bad_ones_stay_with_their_notes(self):
        text = ("# Subtest: a\nok 1 - a\n  ---\n  duration_ms: 1\n  ...\n# Subtest: b\nnot ok 2 - b\n"
                "  ---\n  error: 'x'\n  ...\nok 3 - c\n  ---\n  duration_ms: 1\n  ...\n==1== a report\n")
        self.assertEqual("not ok 2 - b\n  ---\n  error: 'x'\n  ...\n==1== a report",
                         run_tests.without_the_good(text))


class RunSuite(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        reports = run_tests.REPORTS
        run_tests.REPORTS = self.folder.name
        self.addCleanup(setattr, run_tests, "REPORTS", reports)

    def run_suite(self, script, count=run_tests.count_cmocka, limit_s=30):
        return run_tests.run_suite(run_tests.Suite("suite", ["sh", "-c", script], count, limit_s))

    def test_a_good_suite_passes(self):
        self.assertEqual((1, 0), self.run_suite("echo 1..1; echo ok 1 - a")[:2])

    def test_a_crash_after_the_last_point_fails(self):
        self.assertEqual((1, 1), self.run_suite("echo 1..1; echo ok 1 - a; kill -SEGV $$")[:2])

    def test_a_suite_that_reports_nothing_fails(self):
        self.assertEqual((0, 1), self.run_suite("true")[:2])

    def test_a_suite_without_end_is_stopped_and_fails(self):
        passed, failed, seconds, text = self.run_suite("echo 1..1; echo ok 1 - a; exec cat <>/dev/zero >/dev/null",
                                                       limit_s=1)
        self.assertEqual((1, 1), (passed, failed))
        self.assertLess(seconds, 20)
        self.assertIn("no end within 1 s", text)

    def test_a_process_left_behind_fails_and_is_ended(self):
        held = os.path.join(self.folder.name, "fifo")
        os.mkfifo(held)
        reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        passed, failed, _, text = self.run_suite(
            "exec 3<>%s; cat <&3 >/dev/null 2>&1 & echo 1..1; echo ok 1 - a" % held)
        self.assertEqual((1, 1), (passed, failed))
        self.assertIn("left behind", text)
        # The pipe has an end again only when the process that held it is gone.
        self.assertTrue(select.select([reader], [], [], 20)[0])
        self.assertEqual(b"", os.read(reader, 1))

    def test_a_sanitizer_report_fails_a_suite_that_ended_well(self):
        script = 'f=${ASAN_OPTIONS#log_path=}; echo leak >"${f%%:*}.1"; echo 1..1; echo ok 1 - a'
        passed, failed, _, text = self.run_suite(script)
        self.assertEqual((1, 1), (passed, failed))
        self.assertIn("leak", text)

    def test_a_check_is_one_case(self):
        self.assertEqual((1, 0), self.run_suite("true", count=None)[:2])
        self.assertEqual((0, 1), self.run_suite("exit 3", count=None)[:2])
