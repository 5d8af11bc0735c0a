/* The calls of locum.h on stores: values, errors and misuse. Run under AddressSanitizer, too. */
#include <complex.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

static locum_store fields;

static locum_array doubles(double *first, int rank, const int64_t *extents) {
  locum_array array = {.type = LOCUM_F64, .rank = rank, .data = first};
  for (int at = 0; at < rank; ++at) {
    array.extents[at] = extents[at];
  }
  return array;
}

static void text_is(locum_text text, const char *expected) {
  CHECK(text.length == strlen(expected) && memcmp(text.first, expected, text.length) == 0);
}

/* A value of each type, alone and in an array of two. */
static void every_type(void) {
  const unsigned char bytes[32] = {1, 2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                   1, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 0};
  const struct {
    int32_t type;
    size_t size;
    const char *name;
  } types[] = {{LOCUM_I8, sizeof(int8_t), "i8"},     {LOCUM_I16, sizeof(int16_t), "i16"},
               {LOCUM_I32, sizeof(int32_t), "i32"},  {LOCUM_I64, sizeof(int64_t), "i64"},
               {LOCUM_U8, sizeof(uint8_t), "u8"},    {LOCUM_U16, sizeof(uint16_t), "u16"},
               {LOCUM_U32, sizeof(uint32_t), "u32"}, {LOCUM_U64, sizeof(uint64_t), "u64"},
               {LOCUM_F32, sizeof(float), "f32"},    {LOCUM_F64, sizeof(double), "f64"},
               {LOCUM_BOOL, sizeof(bool), "bool"},   {LOCUM_C64, sizeof(float _Complex), "c64"},
               {LOCUM_CHAR, sizeof(char), "char"},   {LOCUM_C128, sizeof(double _Complex), "c128"},
               {LOCUM_BYTE, 1, "byte"},              {LOCUM_CLASS, 12, "particle{12}"}};
  for (size_t at = 0; at < sizeof types / sizeof *types; ++at) {
    locum_array given = {.type = types[at].type,
                         .extents = {2},
                         .data = (void *)bytes,
                         .type_name = {types[at].name, strlen(types[at].name)}};
    for (given.rank = 0; given.rank < 2; ++given.rank) {
      locum_key key;
      locum_view view;
      CHECK_OK(locum_put(fields, NULL, &given, NULL, &key));
      CHECK_OK(locum_get_by_key(fields, &key, NULL, &view));
      CHECK(view.array.type == types[at].type && view.array.rank == given.rank);
      CHECK(view.size_bytes == types[at].size * (given.rank == 0 ? 1 : 2));
      CHECK(given.rank == 0 || (view.array.extents[0] == 2 && view.array.strides[0] == (int64_t)types[at].size));
      CHECK(memcmp(view.array.data, bytes, view.size_bytes) == 0);
      text_is(view.array.type_name, types[at].name);
      CHECK(view.key.serial == key.serial && view.key.store == key.store);
      CHECK_OK(locum_view_release(&view));
      CHECK_OK(locum_evict_by_key(fields, &key, 0, NULL));
    }
  }
}

static void arrays_with_gaps(void) {
  double all[4][6];
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 6; ++column) {
      all[row][column] = 10 * row + column;
    }
  }
  /* The columns 1, 3, 5 of the rows 3, 2, 1, 0. */
  locum_array part = doubles(&all[3][1], 2, (const int64_t[]){4, 3});
  part.strides[0] = -(int64_t)sizeof all[0];
  part.strides[1] = 2 * sizeof(double);
  CHECK_OK(locum_put(fields, "gaps", &part, NULL, NULL));
  locum_view view;
  CHECK_OK(locum_get(fields, "gaps", NULL, &view));
  const double *stored = view.array.data;
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 3; ++column) {
      CHECK(stored[3 * row + column] == all[3 - row][2 * column + 1]);
    }
  }
  CHECK(view.array.strides[0] == 3 * sizeof(double) && view.array.strides[1] == sizeof(double));
  CHECK_OK(locum_view_release(&view));

  /* The rows 1 and 3, the columns 1 and 2, into the interior of a frame. */
  double frame[4][4] = {{0}};
  locum_array into = doubles(&frame[1][1], 2, (const int64_t[]){2, 2});
  into.strides[0] = sizeof frame[0];
  into.strides[1] = sizeof(double);
  const locum_read_options box = {
      .box = {.rank = 2, .start = {1, 1}, .count = {2, 2}, .stride = {2, 0}}};
  CHECK_OK(locum_read(fields, "gaps", &into, &box));
  CHECK(frame[1][1] == all[2][3] && frame[1][2] == all[2][5] && frame[2][1] == all[0][3] &&
        frame[2][2] == all[0][5]);
  CHECK(frame[0][0] == 0 && frame[1][0] == 0 && frame[1][3] == 0 && frame[3][3] == 0);

  locum_read_options beyond = box;
  beyond.box.start[0] = 3;
  CHECK_STATUS(locum_read(fields, "gaps", &into, &beyond), LOCUM_INVALID_ARGUMENT);
  into.type = LOCUM_F32;
  CHECK_STATUS(locum_read(fields, "gaps", &into, &box), LOCUM_TYPE_MISMATCH);

  /* Elements that overlap: rows one column apart, half an element apart, columns that lie upon rows. */
  const int64_t overlapping[][2] = {{8, 8}, {4, 16}, {16, 8}, {-8, 8}, {8, -4}};
  const int64_t extents[][2] = {{2, 2}, {2, 2}, {2, 3}, {2, 2}, {2, 2}};
  for (size_t at = 0; at < sizeof extents / sizeof extents[0]; ++at) {
    double untouched[4][4] = {{0}};
    locum_array shared = doubles(&untouched[2][2], 2, extents[at]);
    memcpy(shared.strides, overlapping[at], sizeof overlapping[at]);
    const locum_read_options as_large = {.box = {.rank = 2, .count = {extents[at][0], extents[at][1]}}};
    CHECK_STATUS(locum_read(fields, "gaps", &shared, &as_large), LOCUM_INVALID_ARGUMENT);
    CHECK(strstr(locum_error_message(), "overlap in memory") != NULL);
    CHECK(untouched[2][2] == 0);
    CHECK_OK(locum_put(fields, "source", &shared, NULL, NULL));
    CHECK_OK(locum_evict(fields, "source", 0, NULL));
  }
  /* Those of a transposed array, of one backwards, and of a single row do not. */
  const int64_t apart[][2] = {{8, 32}, {-32, -8}, {8, 8}};
  const int64_t of_apart[][2] = {{4, 3}, {3, 3}, {1, 3}};
  for (size_t at = 0; at < sizeof apart / sizeof apart[0]; ++at) {
    double target[4][4] = {{0}};
    locum_array own = doubles(at == 1 ? &target[3][3] : &target[0][0], 2, of_apart[at]);
    memcpy(own.strides, apart[at], sizeof apart[at]);
    const locum_read_options as_large = {.box = {.rank = 2, .count = {of_apart[at][0], of_apart[at][1]}}};
    CHECK_OK(locum_read(fields, "gaps", &own, &as_large));
  }
  CHECK_OK(locum_evict(fields, "gaps", 0, NULL));
}

static void written_in_place(void) {
  locum_array array = doubles(NULL, 3, (const int64_t[]){2, 3, 5});
  locum_writer writer;
  CHECK_OK(locum_create(fields, "made", &array, NULL, &writer));
  CHECK(array.data != NULL && array.strides[0] == 120 && array.strides[1] == 40 && array.strides[2] == 8);
  for (int at = 0; at < 30; ++at) {
    ((double *)array.data)[at] = at;
  }
  bool exists = true;
  CHECK_OK(locum_exists(fields, "made", 0, &exists));
  CHECK(!exists);
  locum_key key;
  const locum_writer copy = writer;
  CHECK_OK(locum_writer_seal(&writer, 0, &key));
  CHECK(writer == NULL);
  locum_writer again = copy;
  CHECK_STATUS(locum_writer_seal(&again, 0, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_writer_discard(&writer), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_exists_by_key(fields, &key, 0, &exists));
  CHECK(exists);

  double read[30];
  const locum_array into = doubles(read, 3, (const int64_t[]){2, 3, 5});
  CHECK_OK(locum_read_by_key(fields, &key, &into, NULL));
  CHECK(read[0] == 0 && read[29] == 29);

  CHECK_OK(locum_create(fields, "not made", &array, NULL, &writer));
  CHECK_OK(locum_writer_discard(&writer));
  CHECK_OK(locum_exists(fields, "not made", 0, &exists));
  CHECK(!exists);
  CHECK_OK(locum_create(fields, "made", &array, NULL, &writer));
  CHECK_STATUS(locum_writer_seal(&writer, 0, NULL), LOCUM_KEY_EXISTS);
  CHECK(writer == NULL);
  CHECK_OK(locum_evict(fields, "made", 0, NULL));
}

static void names(void) {
  double value = 1;
  const locum_array one = doubles(&value, 0, NULL);
  CHECK_OK(locum_put(fields, "a", &one, NULL, NULL));
  CHECK_STATUS(locum_put(fields, "a", &one, NULL, NULL), LOCUM_KEY_EXISTS);
  value = 2;
  locum_key key;
  CHECK_OK(locum_replace(fields, "a", &one, NULL, &key));
  locum_store collection;
  CHECK_OK(locum_store_collection(fields, "step", &collection));
  CHECK_OK(locum_put(collection, "b", &one, &(locum_put_options){.lifetime_s = 3600}, NULL));

  locum_info info;
  CHECK_OK(locum_info_get(fields, "step/b", 0, &info));
  CHECK(info.type == LOCUM_F64 && info.rank == 0 && info.size_bytes == 8 && info.generation != 0);
  CHECK(info.expires_s > 1.7e9 && info.codec.length == 0);
  text_is(info.name, "step/b");
  text_is(info.type_name, "f64");
  CHECK_OK(locum_info_release(&info));
  CHECK_OK(locum_info_release(&info));
  CHECK_OK(locum_put(collection, "c", &one, &(locum_put_options){.lifetime_s = INFINITY}, NULL));
  CHECK_OK(locum_info_get(collection, "c", 0, &info));
  CHECK(info.expires_s == 0);
  CHECK_OK(locum_info_release(&info));
  CHECK_OK(locum_evict(collection, "c", 0, NULL));
  CHECK_STATUS(locum_put(collection, "c", &one, &(locum_put_options){.lifetime_s = -1}, NULL),
               LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_info_get_by_key(fields, &key, 0, &info));
  CHECK(info.expires_s == 0);
  const uint64_t generation = info.generation;
  CHECK_OK(locum_replace(fields, "a", &one, &(locum_put_options){.expected_generation = generation}, NULL));
  CHECK_STATUS(locum_replace(fields, "a", &one, &(locum_put_options){.expected_generation = generation}, NULL),
               LOCUM_STALE);
  CHECK_OK(locum_info_release(&info));

  locum_names list;
  CHECK_OK(locum_keys(fields, NULL, 0, &list));
  CHECK(list.count == 2);
  text_is(list.names[0], "a");
  text_is(list.names[1], "step/b");
  CHECK(strcmp(list.names[1].first, "step/b") == 0);
  CHECK_OK(locum_names_release(&list));
  CHECK_OK(locum_keys(collection, "", 0, &list));
  CHECK(list.count == 1);
  text_is(list.names[0], "b");
  CHECK_OK(locum_names_release(&list));
  uint64_t count = 0;
  CHECK_OK(locum_size(fields, 0, &count));
  CHECK(count == 2);
  CHECK_OK(locum_clear(collection, 0, &count));
  CHECK(count == 1);
  bool existed = false;
  CHECK_OK(locum_evict(fields, "a", 0, &existed));
  CHECK(existed);
  CHECK_OK(locum_evict(fields, "a", 0, &existed));
  CHECK(!existed);
  CHECK_OK(locum_store_release(&collection));

  int64_t previous = -1;
  CHECK_OK(locum_fetch_add(fields, "ticket", 5, 0, &previous));
  CHECK(previous == 0);
  CHECK_OK(locum_fetch_add(fields, "ticket", -2, 0, &previous));
  CHECK(previous == 5);
  CHECK_OK(locum_fetch_add(fields, "ticket", 0, 0, &previous));
  CHECK(previous == 3);
  CHECK_OK(locum_evict(fields, "ticket", 0, NULL));
}

static void encoded_values(void) {
  char bytes[] = "written by another language";
  const locum_array value = {.type = LOCUM_ENCODED,
                             .rank = 1,
                             .extents = {sizeof bytes},
                             .data = bytes,
                             .type_name = LOCUM_TEXT("mesh@pickle")};
  CHECK_OK(locum_put(fields, "mesh", &value, NULL, NULL));
  locum_view view;
  CHECK_OK(locum_get(fields, "mesh", NULL, &view));
  CHECK(view.array.type == LOCUM_ENCODED && view.array.rank == 1 && view.array.extents[0] == sizeof bytes);
  CHECK(memcmp(view.array.data, bytes, sizeof bytes) == 0);
  text_is(view.array.type_name, "mesh@pickle");
  CHECK_OK(locum_view_release(&view));
  locum_info info;
  CHECK_OK(locum_info_get(fields, "mesh", 0, &info));
  CHECK(info.type == LOCUM_ENCODED);
  text_is(info.codec, "pickle");
  text_is(info.type_name, "mesh");
  CHECK_OK(locum_info_release(&info));
  CHECK_OK(locum_evict(fields, "mesh", 0, NULL));
}

static void *put_later(void *store) {
  double value = 42;
  const locum_array one = doubles(&value, 0, NULL);
  CHECK(locum_error_message()[0] == 0); /* no error of this thread */
  CHECK_OK(locum_put(store, "later", &one, NULL, NULL));
  return NULL;
}

static void waits(void) {
  locum_view view;
  CHECK_STATUS(locum_get(fields, "later", NULL, &view), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_wait(fields, "later", &(locum_get_options){.deadline_s = 0.01}, &view), LOCUM_TIMEOUT);
  CHECK_STATUS(locum_wait(fields, "later", &(locum_get_options){.deadline_s = LOCUM_AT_ONCE}, &view),
               LOCUM_TIMEOUT);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, put_later, fields) == 0);
  CHECK_OK(locum_wait(fields, "later", &(locum_get_options){.deadline_s = 60}, &view));
  pthread_join(thread, NULL);
  CHECK(*(const double *)view.array.data == 42);
  CHECK_OK(locum_evict(fields, "later", 0, NULL));
  CHECK(*(const double *)view.array.data == 42); /* pinned */
  CHECK_OK(locum_view_release(&view));
  CHECK(view.array.data == NULL);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
}

/* Each is an error with a text, and damages nothing. */
static void misuse(void) {
  double value = 1;
  locum_array one = doubles(&value, 0, NULL);
  locum_view view;
  locum_store store = NULL;
  CHECK_STATUS(locum_put(NULL, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_put(fields, "", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_put(fields, "x", NULL, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get(fields, NULL, NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get(fields, "x", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get_by_key(fields, &(locum_key){0}, NULL, &view), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_get((locum_store)(uintptr_t)12345, "x", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get((locum_store)&one, "x", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  locum_info info;
  memset(&info, 0xAB, sizeof info); /* after an error there is nothing to be released */
  CHECK_STATUS(locum_info_get(NULL, "x", 0, &info), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_info_release(&info));
  locum_names list;
  memset(&list, 0xAB, sizeof list);
  CHECK_STATUS(locum_keys(NULL, NULL, 0, &list), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_names_release(&list));
  CHECK_STATUS(locum_store_release(&store), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_store_release(NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_view_release(NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_open("nosuchscheme:x", NULL, &store), LOCUM_UNSUPPORTED);
  CHECK(store == NULL);
  CHECK_STATUS(locum_open(NULL, NULL, &store), LOCUM_INVALID_ARGUMENT);
  one.type = LOCUM_NO_TYPE;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.type = -99;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.type = LOCUM_CLASS;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.type_name = LOCUM_TEXT("not flat");
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.type = LOCUM_F64;
  one.data = NULL;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.data = &value;
  for (int rank = -1; rank <= LOCUM_MAX_RANK + 1; rank += LOCUM_MAX_RANK + 2) {
    one.rank = rank;
    CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  }
  one.rank = 1;
  one.extents[0] = -1;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.extents[0] = INT64_MAX;
  CHECK_STATUS(locum_put(fields, "x", &one, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  one.extents[0] = 1;
  CHECK_OK(locum_put(fields, "x", &one, NULL, NULL));

  locum_store copy;
  CHECK_OK(locum_store_collection(fields, "c", &copy));
  store = copy;
  CHECK_OK(locum_store_release(&copy));
  CHECK_STATUS(locum_get(store, "x", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_store_release(&store), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_session_store((locum_session)fields, "other", &store), LOCUM_INVALID_ARGUMENT);
  locum_writer writer = (locum_writer)fields;
  CHECK_STATUS(locum_create(NULL, "x", &one, NULL, &writer), LOCUM_INVALID_ARGUMENT);
  CHECK(writer == NULL);
  writer = (locum_writer)fields;
  CHECK_STATUS(locum_writer_seal(&writer, 0, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_get(fields, "x", NULL, &view));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_evict(fields, "x", 0, NULL));
  CHECK(strcmp(locum_status_name(99), "unknown") == 0);
}

static void sessions(void) {
  locum_session session;
  locum_store store;
  double value = 1;
  const locum_array one = doubles(&value, 0, NULL);
  locum_view view;
  CHECK_OK(locum_session_open("memory:", &(locum_session_options){.timeout_s = 5}, &session));
  CHECK_OK(locum_session_store(session, "s", &store));
  CHECK_OK(locum_put(store, "x", &one, NULL, NULL));
  CHECK_OK(locum_get(store, "x", NULL, &view));
  const locum_session copy = session;
  CHECK_OK(locum_session_close(&session));
  CHECK(session == NULL);
  session = copy;
  CHECK_STATUS(locum_session_close(&session), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get(store, "x", NULL, &(locum_view){0}), LOCUM_CLOSED);
  CHECK(*(const double *)view.array.data == 1); /* views stay valid */
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_store_release(&store));
}

/* Handles that other threads release meanwhile: each call is right or an error, and nothing is read that is
 * gone (AddressSanitizer, ThreadSanitizer). */
static locum_store shared;
static void *use_shared(void *argument) {
  (void)argument;
  for (int round = 0; round < 2000; ++round) {
    locum_view view;
    const locum_status status = locum_get(shared, "x", NULL, &view);
    CHECK(status == LOCUM_OK || status == LOCUM_INVALID_ARGUMENT);
    if (status == LOCUM_OK) {
      CHECK(*(const double *)view.array.data == 7);
      CHECK_OK(locum_view_release(&view));
    }
  }
  return NULL;
}

static void released_meanwhile(void) {
  double value = 7;
  const locum_array one = doubles(&value, 0, NULL);
  CHECK_OK(locum_put(fields, "t/x", &one, NULL, NULL));
  CHECK_OK(locum_store_collection(fields, "t", &shared));
  pthread_t threads[3];
  for (int at = 0; at < 3; ++at) {
    CHECK(pthread_create(&threads[at], NULL, use_shared, NULL) == 0);
  }
  locum_store others[300];
  for (int at = 0; at < 300; ++at) {
    CHECK_OK(locum_store_collection(fields, "t", &others[at]));
  }
  locum_store released = shared;
  CHECK_OK(locum_store_release(&released));
  for (int at = 0; at < 300; ++at) {
    CHECK_OK(locum_store_release(&others[at]));
  }
  for (int at = 0; at < 3; ++at) {
    pthread_join(threads[at], NULL);
  }
  CHECK_OK(locum_evict(fields, "t/x", 0, NULL));
}

int main(void) {
  CHECK_OK(locum_open("memory:", NULL, &fields));
  every_type();
  arrays_with_gaps();
  written_in_place();
  names();
  encoded_values();
  waits();
  misuse();
  sessions();
  released_meanwhile();
  uint64_t left = 1;
  CHECK_OK(locum_size(fields, 0, &left));
  CHECK(left == 0);
  CHECK_OK(locum_store_release(&fields));
  CHECK(strchr(locum_version(), '.') != NULL);
  printf("%s: %d failures\n", failures == 0 ? "passed" : "FAILED", failures);
  return failures == 0 ? 0 : 1;
}
