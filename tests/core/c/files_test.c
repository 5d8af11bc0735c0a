/* Values in files: what a program in C saves and loads. */
#define _POSIX_C_SOURCE 200809L

#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

static locum_files files;

static bool text_is(locum_text text, const char* expected) {
  return text.length == strlen(expected) && memcmp(text.first, expected, text.length) == 0;
}

static bool is_record(const locum_array* array) {
  return array->type == LOCUM_ENCODED && array->rank == 1 && text_is(array->type_name, "locum.record");
}

/* Whether a stored Record has these bytes anywhere: for texts in it. */
static bool has_bytes(const locum_array* record, const char* bytes) {
  const size_t length = strlen(bytes);
  for (int64_t at = 0; at + (int64_t)length <= record->extents[0]; ++at)
    if (memcmp((const char*)record->data + at, bytes, length) == 0)
      return true;
  return false;
}

static void arrays(void) {
  float field[4][6];
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x)
      field[y][x] = (float)(10 * y + x);
  const locum_array interior = {.type = LOCUM_F32,
                                .rank = 2,
                                .extents = {2, 4},
                                .strides = {sizeof field[0], sizeof field[0][0]},
                                .data = &field[1][1]};
  CHECK_OK(locum_files_save(files, "run17/T.npy", &interior, NULL));

  locum_view view, again;
  CHECK_OK(locum_files_load(files, "run17/T.npy", NULL, &view));
  CHECK(view.array.type == LOCUM_F32 && view.array.rank == 2);
  CHECK(view.array.extents[0] == 2 && view.array.extents[1] == 4);
  const float* T = view.array.data;
  CHECK(T[0] == 11 && T[3] == 14 && T[4] == 21 && T[7] == 24);
  CHECK_OK(locum_files_load(files, "./run17//T.npy", &(locum_file_options){.format = "npy"}, &again));
  CHECK(again.array.data == view.array.data); /* loaded once */
  CHECK_OK(locum_view_release(&again));

  /* A file that is saved anew is another one; the view of the old one stays. */
  CHECK_OK(locum_files_save(files, "run17/T.npy",
                            &(locum_array){.type = LOCUM_F32, .rank = 1, .extents = {6}, .data = field[0]},
                            NULL));
  CHECK_OK(locum_files_load(files, "run17/T.npy", NULL, &again));
  CHECK(again.array.rank == 1 && again.array.extents[0] == 6 && T[7] == 24);
  CHECK_OK(locum_view_release(&again));
  CHECK_OK(locum_view_release(&view));

  CHECK_OK(locum_files_save(files, "none.npy",
                            &(locum_array){.type = LOCUM_I16, .rank = 2, .extents = {3, 0}}, NULL));
  CHECK_OK(locum_files_load(files, "none.npy", NULL, &view));
  CHECK(view.array.type == LOCUM_I16 && view.array.rank == 2 && view.array.extents[0] == 3 &&
        view.size_bytes == 0);
  CHECK_OK(locum_view_release(&view));

  int16_t sixteen = -7;
  double half = 2.5;
  CHECK_OK(locum_files_save(files, "one.npy", &(locum_array){.type = LOCUM_I16, .data = &sixteen}, NULL));
  CHECK_OK(locum_files_load(files, "one.npy", NULL, &view));
  CHECK(view.array.type == LOCUM_I16 && view.array.rank == 0 && *(const int16_t*)view.array.data == -7);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_files_save(files, "one.npy", &(locum_array){.type = LOCUM_F64, .data = &half}, NULL));
  CHECK_OK(locum_files_load(files, "one.npy", NULL, &view));
  CHECK(view.array.type == LOCUM_F64 && view.array.rank == 0 && *(const double*)view.array.data == 2.5);
  CHECK_OK(locum_view_release(&view));
}

/* The bytes of a Record of Python or C++ are passed through. */
static void records(void) {
  /* {"name": "wing", "T": [1.5, 2.5]}, of which the array is at a multiple of 16 */
  static _Alignas(16) const unsigned char bytes[] = {
      1, 11, 2, 0, 0, 0,   0,  0,   0,   0,   4,   0, 0, 0, 0,   0,  0, 0, 110, 97, 109, 101, 7, 4,
      0, 0,  0, 0, 0, 0,   0,  119, 105, 110, 103, 1, 0, 0, 0,   0,  0, 0, 0,   84, 9,   3,   0, 0,
      0, 0,  0, 0, 0, 102, 54, 52,  1,   2,   0,   0, 0, 0, 0,   0,  0, 0, 0,   0,  0,   0,   0, 0,
      0, 0,  0, 0, 0, 0,   0,  0,   0,   0,   0,   0, 0, 0, 248, 63, 0, 0, 0,   0,  0,   0,   4, 64};
  locum_array record = {.type = LOCUM_ENCODED,
                        .rank = 1,
                        .extents = {sizeof bytes},
                        .data = (void*)(uintptr_t)bytes,
                        .type_name = LOCUM_TEXT("locum.record")};
  locum_view view;
  const locum_status saved = locum_files_save(files, "wing.json", &record, NULL);
  if (saved == LOCUM_UNSUPPORTED) {
    printf("skipped: this build has no format of records (%s)\n", locum_error_message());
  } else {
    CHECK_OK(saved);
    CHECK_OK(locum_files_load(files, "wing.json", NULL, &view));
    CHECK(is_record(&view.array) && has_bytes(&view.array, "wing"));
    locum_array copy = view.array; /* as it comes, it can be saved */
    CHECK_OK(locum_files_save(files, "copy.json", &copy, NULL));
    CHECK_OK(locum_view_release(&view));
    const char text[] = "a text";
    CHECK_OK(locum_files_save(
        files, "text.json",
        &(locum_array){.type = LOCUM_CHAR, .rank = 1, .extents = {6}, .data = (void*)(uintptr_t)text}, NULL));
    CHECK_OK(locum_files_load(files, "text.json", NULL, &view));
    CHECK(view.array.type == LOCUM_CHAR || (is_record(&view.array) && has_bytes(&view.array, "a text")));
    CHECK_OK(locum_view_release(&view));
    CHECK_STATUS(
        locum_files_save(
            files, "bytes.json",
            &(locum_array){.type = LOCUM_BYTE, .rank = 1, .extents = {6}, .data = (void*)(uintptr_t)text},
            NULL),
        LOCUM_TYPE_MISMATCH);
  }
  /* Any address will do; what is no Record will not. */
  char* elsewhere = malloc(sizeof bytes + 1);
  memcpy(elsewhere + 1, bytes, sizeof bytes);
  record.data = elsewhere + 1;
  CHECK_STATUS(locum_files_save(files, "wing.npy", &record, NULL), LOCUM_TYPE_MISMATCH);
  elsewhere[2] = 99;
  CHECK_STATUS(locum_files_save(files, "wing.npy", &record, NULL), LOCUM_CORRUPT);
  free(elsewhere);
  record.data = NULL;
  CHECK_STATUS(locum_files_save(files, "wing.npy", &record, NULL), LOCUM_INVALID_ARGUMENT);
  record.type_name = LOCUM_TEXT("mesh@pickle");
  CHECK_STATUS(locum_files_save(files, "wing.npy", &record, NULL), LOCUM_INVALID_ARGUMENT);

  CHECK_OK(locum_files_info(files, "run17/T.npy", NULL, &view));
  CHECK(is_record(&view.array) && has_bytes(&view.array, "extents") && has_bytes(&view.array, "f32"));
  CHECK_OK(locum_view_release(&view));
}

static void options(void) {
  double field[2] = {1, 2};
  const locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = field};
  locum_view view;
  CHECK_STATUS(locum_files_save(files, "T.unknown", &array, NULL), LOCUM_UNSUPPORTED);
  CHECK(strstr(locum_error_message(), ".npy") != NULL);
  CHECK_OK(locum_files_save(files, "T.unknown", &array, &(locum_file_options){.format = "npy"}));
  CHECK_STATUS(locum_files_load(files, "T.unknown", &(locum_file_options){.format = "papyrus"}, &view),
               LOCUM_UNSUPPORTED);
  const struct {
    const char* options;
    const char* text; /* of the error */
  } wrong[] = {{"no_such=1", "no_such"},
               {"a=1&a=2", "twice"},
               {"=1", "no name"},
               {"a=%4", "%25"},
               {"a=%G1", "%25"},
               {"a=[1", "does not end with a ]"},
               {"a= [", "name=[64,64]"},
               {"a=[1]2", "does not end with a ]"},
               {"a=[1,]", "an empty text is ''"},
               {"a=[,1]", "an empty text is ''"},
               {"a=[[1],[2]]", "do not nest"},
               {"a=[b']", "belongs in quotes"},
               {"a=['b]", "quote"},
               {"a=[']", "quote"},
               {"a=['b'c]", "quote"},
               {"a=['b' 'c']", "quote"},
               {"a=['b', %4]", "%25"},
               {"a=['%4']", "%25"},
               {"a={x:1", "does not end with a }"},
               {"a={", "name={x:f64"},
               {"a={x:1]", "does not end with a }"},
               {"a={x}", "without a colon"},
               {"a={x,y:1}", "without a colon"},
               {"a={'x'}", "without a colon"},
               {"a={x:1,x:2}", "'x' twice"},
               {"a={x:1,}", "an empty text is ''"},
               {"a={x:}", "an empty text is ''"},
               {"a={:1}", "an empty text is ''"},
               {"a={x:[1]}", "do not nest"},
               {"a={x:{y:1}}", "do not nest"},
               {"a={x:{y:1},z:1}", "do not nest"},
               {"a={'x:1}", "quote"},
               {"a={'x'y:1}", "quote"},
               {"a={x'y:1}", "belongs in quotes"},
               {"a={x:'y'z}", "quote"},
               {"a={%4:1}", "%25"},
               {"a={x:%4}", "%25"}};
  for (size_t at = 0; at < sizeof wrong / sizeof *wrong; ++at) {
    CHECK_STATUS(
        locum_files_save(files, "T.npy", &array, &(locum_file_options){.options = wrong[at].options}),
        LOCUM_INVALID_ARGUMENT);
    CHECK(strstr(locum_error_message(), wrong[at].text) != NULL);
  }
  CHECK_OK(locum_files_save(files, "T.npy", &array, &(locum_file_options){.options = ""}));

  /* The same as a Record: none, and {"no_such": null}. */
  static unsigned char none[] = {1, 0};
  static unsigned char one[] = {1, 11, 1, 0, 0, 0,   0,   0,   0,   0,   7,   0,   0,
                                0, 0,  0, 0, 0, 'n', 'o', '_', 's', 'u', 'c', 'h', 0};
  locum_array record = {.type = LOCUM_ENCODED,
                        .rank = 1,
                        .extents = {sizeof none},
                        .data = none,
                        .type_name = LOCUM_TEXT("locum.record")};
  CHECK_OK(locum_files_save(files, "T.npy", &array, &(locum_file_options){.record = &record}));
  CHECK_STATUS(
      locum_files_save(files, "T.npy", &array, &(locum_file_options){.record = &record, .options = "a=1"}),
      LOCUM_INVALID_ARGUMENT);
  record.data = one;
  record.extents[0] = sizeof one;
  CHECK_STATUS(locum_files_load(files, "T.npy", &(locum_file_options){.record = &record}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "no_such") != NULL);
  CHECK_STATUS(locum_files_load(files, "T.npy", &(locum_file_options){.record = &array}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(files, "T.npy", &(locum_file_options){.reserved = {1}}, &view),
               LOCUM_UNSUPPORTED);

  CHECK_OK(locum_files_add(files, "fast", "memory:"));
  CHECK_STATUS(locum_files_add(files, "fast", "memory:"), LOCUM_KEY_EXISTS);
  CHECK_OK(locum_files_save(files, "T.npy", &array, &(locum_file_options){.backend = "fast"}));
  CHECK_OK(
      locum_files_load(files, "T.npy", &(locum_file_options){.backend = "fast", .deadline_s = 2}, &view));
  CHECK(view.array.extents[0] == 2);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_files_load(files, "T.npy", &(locum_file_options){.backend = "slow"}, &view),
               LOCUM_NOT_FOUND);
}

/* Saves a text as it is, under a path with any ending. */
static void save_text(const char* path, const char* text) {
  const locum_array all = {
      .type = LOCUM_CHAR, .rank = 1, .extents = {(int64_t)strlen(text)}, .data = (void*)(uintptr_t)text};
  CHECK_OK(locum_files_save(files, path, &all, &(locum_file_options){.format = "text"}));
}

/* What visits have seen: "depth name kind count value; ...". */
struct trace {
  char text[1000];
  int left; /* visits until one ends the call */
};

static locum_status trace(const locum_record_item* item, void* context) {
  struct trace* seen = context;
  char* end = seen->text + strlen(seen->text);
  const size_t room = sizeof seen->text - (size_t)(end - seen->text);
  const locum_array* value = &item->value;
  const bool is_text = value->type == LOCUM_CHAR;
  char shown[40] = "-";
  if (value->type == LOCUM_I64)
    snprintf(shown, sizeof shown, "%d", (int)*(const int64_t*)value->data);
  if (value->type == LOCUM_F64)
    snprintf(shown, sizeof shown, "%g", *(const double*)value->data);
  if (value->type == LOCUM_BOOL)
    snprintf(shown, sizeof shown, "%d", *(const bool*)value->data);
  if (is_text)
    snprintf(shown, sizeof shown, "'%.*s'", (int)value->extents[0], (const char*)value->data);
  if (value->type == LOCUM_NO_TYPE && value->data != NULL)
    strcpy(shown, "?");
  snprintf(end, room, "%u %.*s%s %d %d %s; ", (unsigned)item->depth, (int)item->name.length,
           item->name.first == NULL ? "" : item->name.first, item->name.first == NULL ? "*" : "", item->kind,
           (int)item->count, shown);
  if (--seen->left == 0)
    return locum_fail(LOCUM_CANCELLED, "enough was seen");
  return LOCUM_OK;
}

static const char nested[] =
    "{\"dt\": 0.5, \"on\": true, \"grid\": [96, [\"x\", null]], \"none\": {}, \"solver\": {\"name\": \"cg\", "
    "\"more\": {\"steps\": 40}}, \"a\": {\"b\": 7, \"c\": 9}, \"a/b\": 8, \"\": {\"\": 1}}";

static void taken_apart(void) {
  locum_view view;
  save_text("nested.json", nested);
  CHECK_OK(locum_files_load(files, "nested.json", NULL, &view));
  struct trace seen = {"", 0};
  CHECK_OK(locum_record_each(&view.array, UINT32_MAX, trace, &seen));
  CHECK(strcmp(seen.text,
               "0 * 3 8 -; 1 dt 1 0 0.5; 1 on 1 0 1; 1 grid 2 2 -; 2 * 1 0 96; 2 * 2 2 -; 3 * 1 0 'x'; "
               "3 * 0 0 -; 1 none 3 0 -; 1 solver 3 2 -; 2 name 1 0 'cg'; 2 more 3 1 -; 3 steps 1 0 40; "
               "1 a 3 2 -; 2 b 1 0 7; 2 c 1 0 9; 1 a/b 1 0 8; 1  3 1 -; 2  1 0 1; ") == 0);
  seen = (struct trace){"", 0};
  CHECK_OK(locum_record_each(&view.array, 0, trace, &seen));
  CHECK(strcmp(seen.text, "0 * 3 8 -; ") == 0);
  seen = (struct trace){"", 0};
  CHECK_OK(locum_record_each(&view.array, 1, trace, &seen));
  CHECK(strcmp(seen.text,
               "0 * 3 8 -; 1 dt 1 0 0.5; 1 on 1 0 1; 1 grid 2 2 -; 1 none 3 0 -; 1 solver 3 2 -; "
               "1 a 3 2 -; 1 a/b 1 0 8; 1  3 1 -; ") == 0);
  seen = (struct trace){"", 3};
  CHECK_STATUS(locum_record_each(&view.array, UINT32_MAX, trace, &seen), LOCUM_CANCELLED);
  CHECK(strcmp(seen.text, "0 * 3 8 -; 1 dt 1 0 0.5; 1 on 1 0 1; ") == 0);
  CHECK(strstr(locum_error_message(), "enough was seen") != NULL);
  CHECK_STATUS(locum_record_each(NULL, UINT32_MAX, trace, &seen), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_record_each(&view.array, UINT32_MAX, NULL, &seen), LOCUM_INVALID_ARGUMENT);
  double half = 2.5;
  CHECK_STATUS(locum_record_each(&(locum_array){.type = LOCUM_F64, .data = &half}, 0, trace, &seen),
               LOCUM_INVALID_ARGUMENT);
  locum_array cut = view.array;
  cut.extents[0] -= 1;
  CHECK_STATUS(locum_record_each(&cut, UINT32_MAX, trace, &seen), LOCUM_CORRUPT);

  /* The same by a path, of the Record and of the file. */
  const struct {
    const char* member;
    locum_status status;
    const char* text; /* of the error */
    int64_t number;
  } members[] = {{"solver/more/steps", LOCUM_OK, NULL, 40},
                 {"a/b", LOCUM_OK, NULL, 8},
                 {"a/c", LOCUM_OK, NULL, 9},
                 {"/", LOCUM_OK, NULL, 1},
                 {"solver/steps", LOCUM_NOT_FOUND, "there are 'solver/name', 'solver/more'", 0},
                 {"solver/", LOCUM_NOT_FOUND, "there are 'solver/name'", 0},
                 {"none/x/y", LOCUM_NOT_FOUND, "there is no member 'none/x'; there are none", 0},
                 {"p", LOCUM_NOT_FOUND, "there are 'dt', 'on', 'grid', ", 0},
                 {"dt/x", LOCUM_TYPE_MISMATCH, "'dt' has no members", 0},
                 {"solver/name/x", LOCUM_TYPE_MISMATCH, "'solver/name' has no members", 0},
                 {"grid/0", LOCUM_TYPE_MISMATCH, "'grid' has no members", 0}};
  for (size_t at = 0; at < sizeof members / sizeof *members; ++at) {
    locum_view found[2];
    const locum_file_options options = {.member = members[at].member};
    CHECK_STATUS(locum_record_member(&view.array, members[at].member, &found[0]), members[at].status);
    CHECK(members[at].text == NULL || strstr(locum_error_message(), members[at].text) != NULL);
    CHECK_STATUS(locum_files_load(files, "nested.json", &options, &found[1]), members[at].status);
    CHECK(members[at].text == NULL || (strstr(locum_error_message(), members[at].text) != NULL &&
                                       strstr(locum_error_message(), "nested.json") != NULL));
    for (int which = 0; members[at].status == LOCUM_OK && which < 2; ++which) {
      CHECK(found[which].array.type == LOCUM_I64 && found[which].array.rank == 0 &&
            *(const int64_t*)found[which].array.data == members[at].number);
      CHECK_OK(locum_view_release(&found[which]));
    }
  }
  CHECK_OK(locum_view_release(&view));

  /* A member keeps what was loaded, and a batch gives one of each file. */
  save_text("one.csv", "T,name\n1.5,a\n2.5,b\n");
  save_text("two.csv", "name,p\na,1\n");
  const locum_file_options column = {.member = "T"};
  locum_view views[2];
  locum_status statuses[2];
  CHECK_STATUS(locum_files_load_batch(files, 2, (const char* const[]){"one.csv", "two.csv"}, &column, views,
                                      statuses, NULL),
               LOCUM_NOT_FOUND);
  CHECK(statuses[0] == LOCUM_OK && statuses[1] == LOCUM_NOT_FOUND);
  CHECK_OK(locum_files_remove(files, "one.csv", NULL, NULL));
  CHECK(views[0].array.type == LOCUM_F64 && views[0].array.extents[0] == 2 &&
        ((const double*)views[0].array.data)[1] == 2.5);
  CHECK_OK(locum_view_release(&views[0]));
  CHECK_STATUS(locum_view_release(&views[1]), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_files_load(files, "two.csv", &(locum_file_options){.member = "p", .map = 1}, &view));
  CHECK(*(const int64_t*)view.array.data == 1);
  CHECK_OK(locum_view_release(&view));

  /* So does one of an archive. */
  CHECK_OK(locum_files_load(files, "two.csv", NULL, &view));
  const locum_status saved = locum_files_save(files, "two.npz", &view.array, NULL);
  CHECK_OK(locum_view_release(&view));
  if (saved == LOCUM_UNSUPPORTED) {
    printf("skipped: this build has no .npz\n");
  } else {
    CHECK_OK(saved);
    CHECK_OK(locum_files_load(files, "two.npz", &(locum_file_options){.member = "p"}, &view));
    CHECK(view.array.type == LOCUM_I64 && view.array.rank == 1 && *(const int64_t*)view.array.data == 1);
    CHECK_OK(locum_view_release(&view));
  }

  /* No array has members, and no other call takes some. */
  CHECK_OK(locum_files_save(files, "half.npy", &(locum_array){.type = LOCUM_F64, .data = &half}, NULL));
  CHECK_STATUS(locum_files_load(files, "half.npy", &column, &view), LOCUM_TYPE_MISMATCH);
  CHECK_STATUS(locum_files_info(files, "two.csv", &column, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_save(files, "half.npy", &(locum_array){.type = LOCUM_F64, .data = &half}, &column),
               LOCUM_INVALID_ARGUMENT);
  /* A stand-in is for all of a file. */
  locum_proxy proxy;
  CHECK_STATUS(locum_files_proxy(files, "two.csv", &column, &proxy), LOCUM_INVALID_ARGUMENT);
  CHECK(proxy == NULL && strstr(locum_error_message(), "'member'") != NULL &&
        strstr(locum_error_message(), "member of what the stand-in leads to") != NULL);
}

static void post(void* semaphore) {
  (void)sem_post((sem_t*)semaphore);
}

/* A member is loaded in the background as it is in the foreground. */
static void members_in_the_background(void) {
  locum_future future;
  locum_view view;
  locum_key key;
  save_text("one.csv", "T,name\n1.5,a\n2.5,b\n");
  const locum_file_options column = {.member = "T"};
  static sem_t ended;
  CHECK(sem_init(&ended, 0, 0) == 0);
  CHECK_OK(locum_files_load_async(files, "one.csv", &column, &future));
  CHECK_OK(locum_future_then(future, post, &ended));
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 20;
  CHECK(sem_timedwait(&ended, &until) == 0);
  CHECK_OK(locum_future_wait(future, 20));
  bool ready = false;
  CHECK_OK(locum_future_ready(future, &ready));
  CHECK(ready);
  CHECK_STATUS(locum_future_key(future, 20, &key), LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "a load of a file") != NULL);
  CHECK_OK(locum_files_remove(files, "one.csv", NULL, NULL));
  for (int times = 0; times < 2; ++times) { /* each view is one of its own */
    CHECK_OK(locum_future_view(future, 20, &view));
    CHECK(view.array.type == LOCUM_F64 && view.array.extents[0] == 2 &&
          ((const double*)view.array.data)[1] == 2.5);
    CHECK_OK(locum_view_release(&view));
  }
  CHECK_OK(locum_future_view(future, 20, &view));
  CHECK_OK(locum_future_release(&future));
  CHECK(((const double*)view.array.data)[0] == 1.5); /* which outlasts the future */
  CHECK_OK(locum_view_release(&view));

  /* One that is not there is the error of the call, however it is asked for. */
  save_text("two.csv", "name,p\na,1\n");
  CHECK_OK(locum_files_load_async(files, "two.csv", &column, &future));
  CHECK_STATUS(locum_future_wait(future, 20), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_future_view(future, 20, &view), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "there are 'name', 'p'") != NULL &&
        strstr(locum_error_message(), "two.csv") != NULL);
  CHECK_OK(locum_future_release(&future));
  CHECK_OK(locum_files_load_async(files, "none.csv", &column, &future));
  CHECK_STATUS(locum_future_view(future, 20, &view), LOCUM_NOT_FOUND);
  CHECK_OK(locum_future_release(&future));
  CHECK_OK(locum_files_load_async(files, "two.csv", &(locum_file_options){.member = "p", .map = 1}, &future));
  CHECK_OK(locum_future_view(future, 20, &view));
  CHECK(view.array.type == LOCUM_I64 && *(const int64_t*)view.array.data == 1);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_future_cancel(future)); /* after its end, which stays */
  CHECK_OK(locum_future_release(&future));
}

/* Loads the numbers 0 to 5 as what these options make of them, and gives the sum of the extents. */
static int64_t extents_of_bytes(const char* options) {
  locum_view view;
  int64_t sum = 0;
  if (locum_files_load(files, "six.bin", &(locum_file_options){.options = options}, &view) != LOCUM_OK) {
    return -1;
  }
  for (int32_t at = 0; at < view.array.rank; ++at)
    sum = 10 * sum + view.array.extents[at];
  CHECK_OK(locum_view_release(&view));
  return sum;
}

static void lists_as_options(void) {
  unsigned char bytes[6] = {0, 1, 2, 3, 4, 5};
  const locum_array six = {.type = LOCUM_BYTE, .rank = 1, .extents = {6}, .data = bytes};
  CHECK_OK(locum_files_save(files, "six.bin", &six, NULL));
  CHECK(extents_of_bytes("extents=[2,3]") == 23 && extents_of_bytes("extents= [ 3 ,\t2 ] &type=u8") == 32);
  CHECK(extents_of_bytes("extents=[1,3,2]") == 132 && extents_of_bytes("extents=[6]") == 6);
  CHECK(extents_of_bytes("extents=[%32,3]") == 23);
  CHECK(extents_of_bytes("extents=6") == -1 && extents_of_bytes("extents=['2','3']") == -1);

  /* Columns, the names of which have whatever belongs in quotes, or look like numbers. */
  save_text("six.csv", "a,\"b,[c]\",1,it's\n10,20,30,40\n");
  const struct {
    const char* options;
    const char* name;
    int64_t number;
  } columns[] = {{"columns=[a]", "a", 10},
                 {"columns=[a,'1']", "1", 30},
                 {"columns=['b,[c]']", "b,[c]", 20},
                 {"columns=[ a , \"b,[c]\" ]", "b,[c]", 20},
                 {"columns=[b%2C%5Bc%5D]", "b,[c]", 20},
                 {"columns=[\"it's\", 'a']", "it's", 40},
                 {"columns=['it%27s']", "it's", 40}};
  for (size_t at = 0; at < sizeof columns / sizeof *columns; ++at) {
    const locum_file_options options = {.options = columns[at].options};
    locum_view record;
    locum_view column;
    CHECK_OK(locum_files_load(files, "six.csv", &options, &record));
    CHECK_OK(locum_record_member(&record.array, columns[at].name, &column));
    CHECK(column.array.type == LOCUM_I64 && column.array.extents[0] == 1 &&
          *(const int64_t*)column.array.data == columns[at].number);
    CHECK_OK(locum_view_release(&column));
    CHECK_STATUS(
        locum_record_member(&record.array, strcmp(columns[at].name, "1") == 0 ? "it's" : "1", &column),
        LOCUM_NOT_FOUND);
    CHECK_OK(locum_view_release(&record));
  }
  locum_view record;
  CHECK_STATUS(locum_files_load(files, "six.csv", &(locum_file_options){.options = "columns=[1]"}, &record),
               LOCUM_INVALID_ARGUMENT); /* a number is no name */
  CHECK_OK(
      locum_files_load(files, "six.csv", &(locum_file_options){.options = "missing=['10','']"}, &record));
  locum_view column;
  CHECK_OK(locum_record_member(&record.array, "a", &column));
  CHECK(column.array.type == LOCUM_F64);
  CHECK_OK(locum_view_release(&column));
  CHECK_OK(locum_view_release(&record));
  CHECK_OK(locum_files_load(files, "six.csv", &(locum_file_options){.options = "missing=[]&comment=%5B"},
                            &record));
  CHECK_OK(locum_view_release(&record));
}

/* The type of each element of columns, as the file has them by these options; 0 for texts. */
static void members_as_options(void) {
  save_text("types.csv", "x,y,\"a:b,{c}\",1\n1,2,3,4\n5,6,7,8\n");
  const struct {
    const char* options;
    int32_t types[4]; /* of the columns */
  } cases[] = {{"types={x:f64,y:i32}", {LOCUM_F64, LOCUM_I32, LOCUM_I64, LOCUM_I64}},
               {"types= { 'y' : \"u8\" ,\tx:f32 } &header=true", {LOCUM_F32, LOCUM_U8, LOCUM_I64, LOCUM_I64}},
               {"types={'a:b,{c}':i16,1:u64}", {LOCUM_I64, LOCUM_I64, LOCUM_I16, LOCUM_U64}},
               {"types={a%3Ab%2C%7Bc%7D:i16}", {LOCUM_I64, LOCUM_I64, LOCUM_I16, LOCUM_I64}},
               {"types={x:text}", {LOCUM_NO_TYPE, LOCUM_I64, LOCUM_I64, LOCUM_I64}},
               {"types={}", {LOCUM_I64, LOCUM_I64, LOCUM_I64, LOCUM_I64}},
               {"types=f32", {LOCUM_F32, LOCUM_F32, LOCUM_F32, LOCUM_F32}}};
  const char* const names[4] = {"x", "y", "a:b,{c}", "1"};
  for (size_t at = 0; at < sizeof cases / sizeof *cases; ++at) {
    for (size_t column = 0; column < 4; ++column) {
      locum_view view;
      CHECK_OK(locum_files_load(files, "types.csv",
                                &(locum_file_options){.options = cases[at].options, .member = names[column]},
                                &view));
      const int32_t type = view.array.type == LOCUM_ENCODED ? LOCUM_NO_TYPE : view.array.type;
      CHECK(type == cases[at].types[column]);
      CHECK_OK(locum_view_release(&view));
    }
  }
  locum_view view;
  CHECK_STATUS(locum_files_load(files, "types.csv", &(locum_file_options){.options = "types={z:f64}"}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "\"z\"") != NULL);
  CHECK_STATUS(locum_files_load(files, "types.csv", &(locum_file_options){.options = "types={x:f65}"}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(files, "types.csv", &(locum_file_options){.options = "types={x:1}"}, &view),
               LOCUM_INVALID_ARGUMENT);
  /* A text that begins with a brace. */
  CHECK_OK(locum_files_load(files, "types.csv", &(locum_file_options){.options = "comment=%7B"}, &view));
  CHECK_OK(locum_view_release(&view));
}

static void folders(void) {
  double half = 2.5;
  const locum_array one = {.type = LOCUM_F64, .data = &half};
  locum_names names;
  int32_t kind;
  bool existed;
  CHECK_OK(locum_files_make_dirs(files, "tree/branch", NULL));
  CHECK_OK(locum_files_kind(files, "tree/branch", NULL, &kind));
  CHECK(kind == LOCUM_FOLDER);
  CHECK_OK(locum_files_kind(files, "tree/leaf.npy", NULL, &kind));
  CHECK(kind == LOCUM_NO_FILE);
  CHECK_OK(locum_files_save(files, "tree/branch/b.npy", &one, NULL));
  CHECK_OK(locum_files_copy(files, "tree/branch/b.npy", "tree/a.npy", NULL));
  CHECK_OK(locum_files_kind(files, "tree/a.npy", NULL, &kind));
  CHECK(kind == LOCUM_FILE);
  CHECK_OK(locum_files_list(files, "tree", NULL, true, NULL, &names));
  CHECK(names.count == 2 && text_is(names.names[0], "tree/a.npy") &&
        text_is(names.names[1], "tree/branch/b.npy"));
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_list_with(files, "tree", &(locum_file_list_options){.folders = 1}, &names));
  size_t folders_found = 0;
  for (size_t at = 0; at < names.count; ++at) {
    int32_t found = LOCUM_NO_FILE;
    CHECK_OK(locum_files_kind(files, names.names[at].first, NULL, &found));
    folders_found += found == LOCUM_FOLDER;
  }
  CHECK(folders_found == 1 && names.count > 1);
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_list_with(files, "tree", &(locum_file_list_options){.pattern = "br*", .folders = 1},
                                 &names));
  CHECK(names.count == 1 && text_is(names.names[0], "tree/branch"));
  CHECK_OK(locum_names_release(&names));
  CHECK_STATUS(locum_files_list_with(files, "tree", &(locum_file_list_options){.reserved = {1}}, &names),
               LOCUM_UNSUPPORTED);
  CHECK_OK(locum_files_list_with(files, "tree", NULL, &names));
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_list(files, "tree", "b*", false, NULL, &names));
  CHECK(names.count == 0);
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_list(files, NULL, "T.n?y", false, "fast", &names));
  CHECK(names.count == 1 && text_is(names.names[0], "T.npy"));
  CHECK_OK(locum_names_release(&names));
  CHECK_STATUS(locum_files_list(files, "no_tree", NULL, false, NULL, &names), LOCUM_NOT_FOUND);
  CHECK(names.count == 0);
  CHECK_OK(locum_files_remove(files, "tree/a.npy", NULL, &existed));
  CHECK(existed);
  CHECK_OK(locum_files_remove(files, "tree/a.npy", NULL, &existed));
  CHECK(!existed);
  CHECK_OK(locum_files_remove(files, "tree/branch/b.npy", NULL, NULL));
  CHECK_STATUS(locum_files_copy(files, "tree/a.npy", "tree/c.npy", NULL), LOCUM_NOT_FOUND);
}

static void mistakes(void) {
  double half = 2.5;
  const locum_array one = {.type = LOCUM_F64, .data = &half};
  locum_view view;
  locum_names names;
  locum_files other;
  int32_t kind;
  CHECK_STATUS(locum_files_load(files, "nothing.npy", NULL, &view), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "nothing.npy") != NULL);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(files, "../../etc/passwd.npy", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_save(files, "x.npy", &(locum_array){.type = 99}, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(
      locum_files_save(files, "x.npy", &(locum_array){.type = LOCUM_F64, .rank = 1, .extents = {3}}, NULL),
      LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_open(NULL, &other), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_open("memory:", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_open("nonsense", &other), LOCUM_INVALID_ARGUMENT);
  CHECK(other == NULL);
  CHECK_STATUS(locum_files_open_in(NULL, "memory:", &other), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_add(files, NULL, "memory:"), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_add(files, "a", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_save(files, NULL, &one, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_save(files, "x.npy", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(files, NULL, NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(files, "x.npy", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_info(files, NULL, NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_info(files, "x.npy", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_list(files, NULL, NULL, false, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_kind(files, NULL, NULL, &kind), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_kind(files, "x", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_make_dirs(files, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_remove(files, NULL, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_copy(files, NULL, "x", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_copy(files, "x", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_close(NULL), LOCUM_INVALID_ARGUMENT);

  CHECK_OK(locum_files_open("memory:", &other));
  locum_files closed = other;
  CHECK_OK(locum_files_close(&other));
  CHECK(other == NULL);
  CHECK_STATUS(locum_files_close(&closed), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load(NULL, "x.npy", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_list(NULL, NULL, NULL, false, NULL, &names), LOCUM_INVALID_ARGUMENT);
}

/* What is loaded is an object of the session, and ends with it; views stay. */
static void in_a_session(void) {
  locum_session session;
  locum_files first, second;
  locum_view view, same;
  double field[2] = {1, 2};
  const locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = field};
  CHECK_OK(locum_session_open("memory:", NULL, &session));
  CHECK_OK(locum_files_open_in(session, "file:c_files?sync=0", &first));
  CHECK_OK(locum_files_open_in(session, "file:c_files?sync=0", &second));
  CHECK_OK(locum_files_save(first, "shared.npy", &array, NULL));
  CHECK_OK(locum_files_load(first, "shared.npy", NULL, &view));
  CHECK_OK(locum_files_load(second, "shared.npy", NULL, &same));
  CHECK(view.array.data == same.array.data);
  CHECK_OK(locum_view_release(&same));
  CHECK_OK(locum_files_close(&first));
  CHECK_OK(locum_session_close(&session));
  CHECK_STATUS(locum_files_load(second, "shared.npy", NULL, &same), LOCUM_CLOSED);
  CHECK_OK(locum_files_close(&second));
  CHECK(((const double*)view.array.data)[1] == 2);
  CHECK_OK(locum_view_release(&view));
}

/* Of the files of a batch, each has a status and a text of its own. */
static void batches(void) {
  double field[2] = {1, 2};
  double half = 2.5;
  const locum_array values[] = {{.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = field},
                                {.type = LOCUM_F64, .data = &half},
                                {.type = LOCUM_F64, .data = &half}};
  const char* const paths[] = {"many/a.npy", "many/b.papyrus", "many/c.npy"};
  locum_status statuses[3];
  locum_names messages;
  locum_view views[3];
  CHECK_STATUS(locum_files_save_batch(files, 3, paths, values, NULL, statuses, &messages), LOCUM_UNSUPPORTED);
  CHECK(statuses[0] == LOCUM_OK && statuses[1] == LOCUM_UNSUPPORTED && statuses[2] == LOCUM_OK);
  CHECK(messages.count == 3 && text_is(messages.names[0], "") && text_is(messages.names[2], ""));
  CHECK(messages.count == 3 && strstr(messages.names[1].first, "many/b.papyrus") != NULL);
  CHECK_OK(locum_names_release(&messages));
  CHECK_OK(locum_files_copy(files, "many/c.npy", "many/d.npy", NULL));

  const char* const wanted[] = {"many/a.npy", "many/no.npy", "many/c.npy"};
  CHECK_STATUS(locum_files_load_batch(files, 3, wanted, NULL, views, statuses, &messages), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "many/no.npy") != NULL);
  CHECK(statuses[0] == LOCUM_OK && statuses[1] == LOCUM_NOT_FOUND && statuses[2] == LOCUM_OK);
  CHECK(messages.count == 3 && strstr(messages.names[1].first, "not_found") == messages.names[1].first);
  CHECK_OK(locum_names_release(&messages));
  CHECK(((const double*)views[0].array.data)[1] == 2 && *(const double*)views[2].array.data == 2.5);
  CHECK_OK(locum_view_release(&views[0]));
  CHECK_STATUS(locum_view_release(&views[1]), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_view_release(&views[2]));
  CHECK_OK(locum_files_load_batch(files, 1, wanted, NULL, views, NULL, NULL));
  CHECK_OK(locum_view_release(&views[0]));
  CHECK_OK(locum_files_load_batch(files, 0, NULL, NULL, NULL, NULL, NULL));
  CHECK_OK(locum_files_save_batch(files, 0, NULL, NULL, NULL, NULL, NULL));

  /* Nothing is done of a batch that is wrong. */
  const char* const hole[] = {"many/e.npy", NULL};
  statuses[0] = LOCUM_OK;
  CHECK_STATUS(locum_files_save_batch(files, 2, hole, values, NULL, statuses, &messages),
               LOCUM_INVALID_ARGUMENT);
  CHECK(statuses[0] == LOCUM_INVALID_ARGUMENT && messages.count == 0);
  CHECK_STATUS(locum_files_load_batch(files, 2, hole, NULL, views, statuses, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_view_release(&views[0]), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load_batch(files, 1, wanted, NULL, NULL, statuses, NULL), LOCUM_INVALID_ARGUMENT);
  const locum_array wrong[] = {values[0], {.type = 99}};
  CHECK_STATUS(locum_files_save_batch(files, 2, wanted, wrong, NULL, statuses, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK(statuses[0] == LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_load_batch(NULL, 1, wanted, NULL, views, statuses, NULL), LOCUM_INVALID_ARGUMENT);
}

/* A mapped array is in the file; what is no array is as it is loaded. */
static void mapped(void) {
  double field[2][3] = {{0, 1, 2}, {10, 11, 12}};
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = field};
  const locum_array text = {.type = LOCUM_CHAR, .rank = 1, .extents = {5}, .data = "abcde"};
  const locum_file_options map = {.map = 1};
  locum_view view, views[2];
  CHECK_OK(locum_files_save(files, "many/m.npy", &array, NULL));
  CHECK_OK(locum_files_save(files, "many/m.txt", &text, NULL));
  CHECK_OK(locum_files_load(files, "many/m.npy", &map, &view));
  CHECK(view.key.serial == 0 && view.size_bytes == sizeof field && view.array.type == LOCUM_F64);
  CHECK(view.array.rank == 2 && view.array.extents[1] == 3 && ((const double*)view.array.data)[5] == 12);
  CHECK(view.array.strides[0] == 24 && view.array.strides[1] == 8);
  CHECK_OK(locum_files_remove(files, "many/m.npy", NULL, NULL)); /* the file itself stays */
  CHECK(((const double*)view.array.data)[4] == 11);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_files_load(files, "many/m.txt", &map, &view));
  CHECK(view.array.type == LOCUM_CHAR && view.array.extents[0] == 5 &&
        memcmp(view.array.data, "abcde", 5) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_files_load(files, "many/m.npy", &map, &view), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_files_info(files, "many/m.txt", &map, &view));
  CHECK_OK(locum_view_release(&view));
  const char* const paths[] = {"many/a.npy", "many/m.txt"};
  CHECK_OK(locum_files_load_batch(files, 2, paths, &map, views, NULL, NULL));
  CHECK(((const double*)views[0].array.data)[1] == 2 && views[1].size_bytes == 5);
  CHECK_OK(locum_view_release(&views[0]));
  CHECK_OK(locum_view_release(&views[1]));
  CHECK_STATUS(locum_files_load(files, "T.npy", &(locum_file_options){.map = 1, .backend = "fast"}, &view),
               LOCUM_UNSUPPORTED);
}

static void with_options(void) {
  locum_session session;
  locum_files some;
  locum_view view;
  const double field[2] = {1, 2};
  const locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = (void*)field};
  CHECK_OK(locum_session_open("memory:", NULL, &session));
  CHECK_OK(
      locum_files_open_with(session, "memory:", &(locum_files_options){.kept_s = 5, .timeout_s = 2}, &some));
  CHECK_OK(locum_files_save(some, "a.npy", &array, NULL));
  CHECK_OK(locum_files_load(some, "a.npy", NULL, &view));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_session_close(&session));
  CHECK_STATUS(locum_files_load(some, "a.npy", NULL, &view), LOCUM_CLOSED);
  CHECK_OK(locum_files_close(&some));
  CHECK_OK(locum_files_open_with(NULL, "memory:", NULL, &some));
  CHECK_OK(locum_files_close(&some));
  CHECK_STATUS(locum_files_open_with(NULL, "memory:", &(locum_files_options){.kept_s = -1}, &some),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_open_with(NULL, "memory:", &(locum_files_options){.timeout_s = -1}, &some),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(
      locum_files_open_with(NULL, "memory:", &(locum_files_options){.reserved = {0, 0, 0, 1}}, &some),
      LOCUM_UNSUPPORTED);
  CHECK(some == NULL);
  CHECK_STATUS(locum_files_open_with(NULL, NULL, NULL, &some), LOCUM_INVALID_ARGUMENT);
}

static void in_the_background(void) {
  float T[3] = {1, 2, 3};
  const locum_array value = {.type = LOCUM_F32, .rank = 1, .extents = {3}, .data = T};
  locum_future future;
  locum_proxy proxy, same;
  locum_handle handle;
  locum_view view, again;
  CHECK_OK(locum_files_save(files, "many/ahead.npy", &value, NULL));
  CHECK_OK(locum_files_load_async(files, "many/ahead.npy", NULL, &future));
  CHECK_OK(locum_future_view(future, 20, &view));
  CHECK(view.array.type == LOCUM_F32 && view.array.extents[0] == 3 &&
        ((const float*)view.array.data)[2] == 3);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_future_release(&future));
  CHECK_OK(locum_files_load_async(files, "many/none.npy", NULL, &future));
  CHECK(locum_future_view(future, 20, &view) == LOCUM_NOT_FOUND);
  CHECK_OK(locum_future_release(&future));

  CHECK_OK(locum_files_proxy(files, "many/ahead.npy", &(locum_file_options){.format = "npy"}, &proxy));
  CHECK_OK(locum_proxy_handle_of(proxy, &handle));
  CHECK_OK(locum_proxy_of_handle(&handle, &same));
  CHECK_OK(locum_proxy_get(same, 20, &view));
  CHECK_OK(locum_files_load(files, "many/ahead.npy", &(locum_file_options){.format = "npy"}, &again));
  CHECK(again.array.data == view.array.data);
  CHECK_OK(locum_view_release(&again));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_proxy_release(&same));
  CHECK_OK(locum_proxy_release(&proxy));
  CHECK(locum_files_proxy(files, "many/none.npy", NULL, &proxy) == LOCUM_NOT_FOUND && proxy == NULL);
  CHECK(locum_files_proxy(files, NULL, NULL, &proxy) == LOCUM_INVALID_ARGUMENT);
  CHECK(locum_files_load_async(files, "many/ahead.npy", NULL, NULL) == LOCUM_INVALID_ARGUMENT);
}

/* Leaves nothing of the test behind. */
static void tidy(void) {
  const char* const folders[] = {"run17", "many", "tree/branch", "tree", NULL};
  locum_names names;
  CHECK_OK(locum_files_list(files, NULL, NULL, true, NULL, &names));
  for (size_t at = 0; at < names.count; ++at)
    CHECK_OK(locum_files_remove(files, names.names[at].first, NULL, NULL));
  CHECK_OK(locum_names_release(&names));
  for (const char* const* folder = folders; *folder != NULL; ++folder)
    CHECK_OK(locum_files_remove(files, *folder, NULL, NULL));
  CHECK_OK(locum_files_close(&files));
  (void)remove("c_files/.tmp");
  (void)remove("c_files");
}

/* An archive of a folder is one file, which is read and not changed. */
static void archives(void) {
  const double one = 1.5;
  const locum_array value = {.type = LOCUM_F64, .data = (void*)&one};
  locum_files packed;
  locum_names names;
  locum_view view;
  bool existed;
  CHECK_OK(locum_files_save(files, "packed/in/b.npy", &value, NULL));
  const locum_status status = locum_files_pack(files, "packed", "packed.zip", NULL);
  CHECK_OK(locum_files_remove(files, "packed/in/b.npy", NULL, NULL));
  CHECK_OK(locum_files_remove(files, "packed/in", NULL, NULL));
  CHECK_STATUS(locum_files_pack(files, NULL, "packed.zip", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_files_pack(files, "packed", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  if (status == LOCUM_UNSUPPORTED) { /* a build without zlib */
    CHECK_OK(locum_files_remove(files, "packed", NULL, NULL));
    return;
  }
  CHECK_OK(status);
  CHECK_STATUS(locum_files_pack(files, "packed", "packed/a.zip", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_files_remove(files, "packed", NULL, NULL));
  CHECK_STATUS(locum_files_pack(files, "packed", "a.zip", NULL), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_files_pack(files, "packed", "a.zip", "nowhere"), LOCUM_NOT_FOUND);

  CHECK_OK(locum_files_open("zip:c_files/packed.zip", &packed));
  CHECK_OK(locum_files_list(packed, NULL, NULL, true, NULL, &names));
  CHECK(names.count == 1 && text_is(names.names[0], "in/b.npy"));
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_load(packed, "in/b.npy", NULL, &view));
  CHECK(*(const double*)view.array.data == 1.5);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_files_save(packed, "c.npy", &value, NULL), LOCUM_UNSUPPORTED);
  CHECK_OK(locum_files_close(&packed));
  CHECK_OK(locum_files_remove(files, "packed.zip", NULL, &existed));
  CHECK(existed);
  CHECK_STATUS(locum_files_open("zip:c_files/packed.zip", &packed), LOCUM_NOT_FOUND);
}

int main(void) {
  CHECK_OK(locum_files_open("file:c_files?sync=0", &files));
  arrays();
  records();
  options();
  lists_as_options();
  members_as_options();
  members_in_the_background();
  taken_apart();
  folders();
  mistakes();
  in_a_session();
  batches();
  mapped();
  with_options();
  in_the_background();
  archives();
  tidy();
  return failures == 0 ? 0 : 1;
}
