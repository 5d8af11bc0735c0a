/* Checks of the programs that programs.py makes, for C. */
#include <locum/locum.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
static inline const locum_array *text_array(const char *text) {
  static locum_array array;
  array = (locum_array){
      .type = LOCUM_CHAR, .rank = 1, .extents = {(int64_t)strlen(text)}, .data = (void *)(uintptr_t)text};
  return &array;
}
static inline locum_status count_member(const locum_record_item *item, void *count) {
  *(int64_t *)count += item->name.first != NULL;
  return LOCUM_OK;
}
static inline locum_status count_values(const locum_record_item *item, void *count) {
  *(int64_t *)count += (int64_t)item->count;
  return LOCUM_OK;
}
static inline locum_status plus_one(const locum_array *stored, locum_array *changed, void *context) {
  static double memory;
  (void)context;
  memory = *(const double *)stored->data + 1;
  *changed = *stored;
  changed->data = &memory;
  return LOCUM_OK;
}

/* A codec of numbers with fewer digits. */
static inline locum_status size_of_narrow(const locum_array *wide, size_t *bytes, void *context) {
  (void)wide, (void)context;
  *bytes = sizeof(float);
  return LOCUM_OK;
}
static inline locum_status encode_narrow(const locum_array *wide, void *memory, size_t capacity,
                                         size_t *written, void *context) {
  (void)capacity, (void)context;
  const float narrowed = (float)*(const double *)wide->data;
  memcpy(memory, &narrowed, sizeof narrowed);
  *written = sizeof narrowed;
  return LOCUM_OK;
}
static inline locum_status decode_narrow(const void *bytes, size_t count, const locum_array *wide,
                                         void *context) {
  (void)context;
  float narrowed;
  if (count != sizeof narrowed) return LOCUM_CORRUPT;
  memcpy(&narrowed, bytes, sizeof narrowed);
  *(double *)wide->data = narrowed;
  return LOCUM_OK;
}
static const locum_codec narrow = {
    .name = "narrow", .size = size_of_narrow, .encode = encode_narrow, .decode = decode_narrow};

/* Takes the number that the future at `context` gives to noted(), which waits for it. */
static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed_note = PTHREAD_COND_INITIALIZER;
static const double *note_taken;
static inline void note(void *context) {
  static double seen;
  locum_view view;
  pthread_mutex_lock(&noting);
  if (locum_future_view(*(locum_future *)context, LOCUM_AT_ONCE, &view) == LOCUM_OK) {
    seen = *(const double *)view.array.data;
    note_taken = locum_view_release(&view) == LOCUM_OK ? &seen : NULL;
  }
  pthread_cond_signal(&changed_note);
  pthread_mutex_unlock(&noting);
}
static inline double noted(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 60;
  pthread_mutex_lock(&noting);
  while (note_taken == NULL && pthread_cond_timedwait(&changed_note, &noting, &until) == 0) {
  }
  const double seen = note_taken == NULL ? -1 : *note_taken;
  pthread_mutex_unlock(&noting);
  return seen;
}
static inline int finished(void) {
  printf("%d rows, %d failures\n", rows, failures);
  return failures == 0 && rows > 0 ? 0 : 1;
}
