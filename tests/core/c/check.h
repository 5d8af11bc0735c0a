/* Checks of the tests in C. A failed one is printed, and the program goes on; its exit status counts them. */
#ifndef LOCUM_TESTS_CHECK_H
#define LOCUM_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

#include <locum/locum.h>

static int failures = 0;

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      ++failures;                                                                     \
      printf("%s:%d: %s is false (last error: %s)\n", __FILE__, __LINE__, #condition, \
             locum_error_message());                                                  \
    }                                                                                 \
  } while (0)

/* Checks the status that a call returns, and that an error has a text which begins with its name. */
#define CHECK_STATUS(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(call, LOCUM_OK)

static inline void check_status(locum_status seen, locum_status expected, const char *call, const char *file,
                                int line) {
  const char *name = locum_status_name(expected);
  if (seen != expected) {
    ++failures;
    printf("%s:%d: %s returns %s, expected %s (%s)\n", file, line, call, locum_status_name(seen), name,
           locum_error_message());
  } else if (seen != LOCUM_OK && strncmp(locum_error_message(), name, strlen(name)) != 0) {
    ++failures;
    printf("%s:%d: %s fails as expected, with the text of another error: %s\n", file, line, call,
           locum_error_message());
  }
}

#endif
