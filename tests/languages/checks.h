/* Checks of the programs that programs.py makes, for C. */
#include <locum/locum.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *row = "";
static int rows = 0, failures = 0;
static locum_store fields;
static double value;
static int64_t number;
static bool yes;
static bool has_text;

static void ok(locum_status status) {
  if (status != LOCUM_OK) {
    ++failures;
    printf("FAILED: %s: %s\n", row, locum_error_message());
  }
}
static void check(bool is_right, double seen) {
  ++rows;
  if (!is_right) {
    ++failures;
    printf("FAILED: %s: %g\n", row, seen);
  }
}
static inline void value_is(double expected) { check(value == expected, value); }
static inline void number_is(int64_t expected) { check(number == expected, (double)number); }
static inline void yes_is(bool expected) { check(yes == expected, yes); }
static inline void size_is(uint64_t expected) {
  uint64_t size = 0;
  ok(locum_size(fields, 0, &size));
  check(size == expected, (double)size);
}
static inline void named_is(const char *name, double expected) {
  locum_view view;
  ok(locum_get(fields, name, NULL, &view));
  const double seen = *(const double *)view.array.data;
  ok(locum_view_release(&view));
  check(seen == expected, seen);
}
static inline void text_is(const char *text) { has_text = strstr(text, "memory by node") != NULL; }
static inline void text_has(const char *part) { check(has_text && strcmp(part, "memory by node") == 0, has_text); }

static inline locum_array vector_of(int64_t extent) {
  return (locum_array){.type = LOCUM_F64, .rank = 1, .extents = {extent}};
}
static inline const locum_array *number_array(double number_in_it) {
  static double memory[4];
  static locum_array array[4];
  static int turn;
  turn = (turn + 1) % 4;
  memory[turn] = number_in_it;
  array[turn] = (locum_array){.type = LOCUM_F64, .data = &memory[turn]};
  return &array[turn];
}
static inline locum_status plus_one(const locum_array *stored, locum_array *changed, void *context) {
  static double memory;
  (void)context;
  memory = *(const double *)stored->data + 1;
  *changed = *stored;
  changed->data = &memory;
  return LOCUM_OK;
}
static inline int finished(void) {
  printf("%d rows, %d failures\n", rows, failures);
  return failures == 0 && rows > 0 ? 0 : 1;
}
