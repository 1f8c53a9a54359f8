"""Small houses with one wrong arrow each: check-arrows must refuse every one, and nothing else."""

import os
import tempfile
import unittest

from script import load

arrows = load("check-arrows")

HEADERS = ["base/err.h", "crypto/crypto.h", "crypto/openssl.h", "wire/frame.h", "keys/pem.h",
           "device/client.h", "photon/flash.h", "server/log.h", "server/net/conn.h",
           "server/session/session.h", "server/actor/actor.h", "server/cloud/custody.h",
           "server/store/store.h", "server/store/sqlite.h", "server/bus/bus.h", "server/bus/local.h",
           "server/api/routes.h", "cli/command.h"]

# Who may include whom, written out by hand from the design: the script's own table is not asked.
MAY = {
    "base": "base",
    "crypto": "base crypto",
    "wire": "base crypto.h wire",
    "keys": "base crypto wire keys",
    "device": "base crypto.h wire device",
    "photon": "base crypto wire device photon",
    "server": "base crypto wire keys log",
    "server/net": "base crypto wire keys log net",
    "server/session": "base crypto wire keys log net session",
    "server/actor": "base crypto wire keys log net session actor",
    "server/cloud": "base crypto wire keys log net session actor cloud store.h bus.h",
    "server/store": "base crypto wire keys log store",
    "server/bus": "base crypto wire keys log bus",
    "server/api": "base crypto wire keys log net session actor cloud api",
    "cli": "base crypto wire keys cli",
}
NAMES = {
    "base": ["base/err.h"], "crypto": ["crypto/crypto.h", "crypto/openssl.h"],
    "crypto.h": ["crypto/crypto.h"], "wire": ["wire/frame.h"], "keys": ["keys/pem.h"],
    "device": ["device/client.h"], "photon": ["photon/flash.h"], "log": ["server/log.h"],
    "net": ["server/net/conn.h"], "session": ["server/session/session.h"],
    "actor": ["server/actor/actor.h"], "cloud": ["server/cloud/custody.h"],
    "store": ["server/store/store.h", "server/store/sqlite.h"], "store.h": ["server/store/store.h"],
    "bus": ["server/bus/bus.h", "server/bus/local.h"], "bus.h": ["server/bus/bus.h"],
    "api": ["server/api/routes.h"], "cli": ["cli/command.h"],
}


class House(unittest.TestCase):
    def check(self, files):
        """What check-arrows finds in a house of all headers and these files."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**{header: "" for header in HEADERS}, **files}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return arrows.check(root)

    def assert_refused(self, path, text):
        found = self.check({path: text})
        self.assertEqual(1, len(found), "%s with %s: %s" % (path, text.strip(), found))
        self.assertTrue(found[0].startswith(path), found[0])

    def assert_fine(self, path, text):
        self.assertEqual([], self.check({path: text}), "%s with %s" % (path, text.strip()))

    def test_every_pair_of_rooms_is_judged_as_the_design_says(self):
        for room, names in MAY.items():
            allowed = {header for name in names.split() for header in NAMES[name]}
            for header in HEADERS:
                line = '#include "%s"\n' % header
                with self.subTest(room=room, header=header):
                    if header in allowed:
                        self.assert_fine(room + "/x.c", line)
                    else:
                        self.assert_refused(room + "/x.c", line)

    def test_an_empty_house_is_fine(self):
        self.assertEqual([], self.check({}))

    def test_main_of_a_program_may_include_everything(self):
        everything = "".join('#include "%s"\n' % header for header in HEADERS)
        for path in ("server/main.c", "photon/main.c", "cli/main.c", "tests/unit/test_x.c", "fuzz/x.c"):
            self.assert_fine(path, everything + "#include <stdlib.h>\n#include <uv.h>\n")

    def test_a_main_in_another_folder_may_not(self):
        self.assert_refused("wire/main.c", '#include "server/net/conn.h"\n')
        self.assert_refused("server/net/main.c", '#include "server/store/store.h"\n')

    def test_headers_are_read_like_sources(self):
        self.assert_refused("wire/x.h", '#include "device/client.h"\n')

    def test_wire_and_device_take_no_heap_no_files_and_no_sockets(self):
        for room in ("wire", "device"):
            for header in ("stdlib.h", "stdio.h", "sys/socket.h", "unistd.h", "pthread.h", "uv.h", "time.h"):
                self.assert_refused(room + "/x.c", "#include <%s>\n" % header)
            self.assert_fine(room + "/x.c", "#include <stdint.h>\n#include <string.h>\n")

    def test_a_library_is_known_in_its_place_only(self):
        self.assert_refused("server/cloud/x.c", "#include <sqlite3.h>\n")
        self.assert_refused("server/api/x.c", "#include <sqlite3.h>\n")
        self.assert_refused("server/session/x.c", "#include <openssl/rsa.h>\n")
        self.assert_refused("server/net/x.c", "#include <microhttpd.h>\n")
        self.assert_refused("keys/x.c", "#include <curl/curl.h>\n")
        self.assert_fine("server/store/sqlite.c", "#include <sqlite3.h>\n")
        self.assert_fine("crypto/openssl.c", "#include <openssl/rsa.h>\n")

    def test_cloud_touches_no_socket(self):
        for header in ("sys/socket.h", "netinet/in.h", "arpa/inet.h"):
            self.assert_refused("server/cloud/x.c", "#include <%s>\n" % header)
        for name in ("uv_tcp_t x;", "uv_tcp_init(loop, &x);", "uv_listen(x, 1, y);", "uv_write(a, b, c, 1, d);"):
            self.assert_refused("server/cloud/x.c", name + "\n")
        self.assert_fine("server/cloud/x.c", "#include <uv.h>\nuv_async_t x;\nuv_timer_t y;\n")

    def test_includes_are_written_from_the_root(self):
        self.assert_refused("wire/x.c", '#include "frame.h"\n')
        self.assert_refused("wire/x.c", '#include "../base/err.h"\n')
        self.assert_refused("wire/x.c", "#include <base/err.h>\n")

    def test_an_unknown_room_is_refused(self):
        self.assert_refused("attic/x.c", "int x;\n")
        self.assert_refused("server/attic/x.c", "int x;\n")
        self.assert_refused("x.c", "int x;\n")

    def test_odd_spelling_hides_no_arrow(self):
        self.assert_refused("wire/x.c", ' #  include\t"device/client.h" /* why */\n')
        self.assert_refused("wire/x.c", "#ifdef X\n#include<stdio.h>\n#endif\n")
        self.assert_refused("wire/x.c", "#define X <stdio.h>\n#include X\n")

    def test_every_wrong_line_is_reported_with_its_number(self):
        found = self.check({"wire/x.c": '#include "device/client.h"\nint x;\n#include <stdio.h>\n'})
        self.assertEqual(["wire/x.c:1", "wire/x.c:3"], [line.rpartition(": ")[0].split(": ")[0] for line in found])

    def test_words_in_comments_and_strings_are_no_includes(self):
        self.assert_fine("wire/x.c", '/* see #include <stdio.h> */\nconst char *x = "#include <stdio.h>";\n')
