"""check-words must find each banned word in code, and none in comments, strings or longer names."""

import unittest

from script import load

words = load("check-words")


class Words(unittest.TestCase):
    def found(self, text, path="wire/x.c"):
        return words.check_text(path, text)

    def test_each_banned_function_is_found(self):
        for name in ("strcpy", "strcat", "sprintf", "strtok", "atoi", "rand", "alloca"):
            self.assertEqual(["wire/x.c:2: %s is banned" % name], self.found("int x;\nint y = %s (a);\n" % name))

    def test_longer_names_are_not_banned(self):
        self.assertEqual([], self.found("my_strcpy(a); strtok_r(a); snprintf(a); xrand(); _exit(1); atexit(f);\n"))

    def test_comments_and_strings_are_no_code(self):
        self.assertEqual([], self.found('/* strcpy(a)\n strcat(b) */ "atoi(x)" // rand()\n'))

    def test_code_after_a_quoted_quote_is_code(self):
        self.assertEqual(1, len(self.found('f("\\"/*"); c = \'"\'; strcpy(a, b); /* " */\n')))

    def test_exit_is_for_main_only(self):
        self.assertEqual(["cli/x.c:1: exit is for main.c"], self.found("exit(1);\n", "cli/x.c"))
        self.assertEqual([], self.found("exit(1);\n", "cli/main.c"))

    def test_a_typedef_of_a_struct_is_found_and_of_a_function_is_not(self):
        self.assertEqual(1, len(self.found("typedef struct x x;\n")))
        self.assertEqual([], self.found("typedef int (*on_x)(void *);\n"))

    def test_a_note_to_oneself_is_found_in_a_comment(self):
        self.assertEqual(1, len(self.found("/* TO" + "DO: later */\n")))

    def test_a_file_may_have_500_lines_and_not_501(self):
        self.assertEqual([], self.found("\n" * 500))
        self.assertEqual(1, len(self.found("\n" * 501)))
