/* complain.h - what cyan-photon says on stderr when it cannot go on, and the exit codes. */
#ifndef CYAN_PHOTON_COMPLAIN_H
#define CYAN_PHOTON_COMPLAIN_H

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_IN_USE = 3 };

/* One line, behind the name of the program. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says why the state in dir cannot be used, and what to type. Returns the exit code. */
int complain_state(const char *dir, int err);

#endif
