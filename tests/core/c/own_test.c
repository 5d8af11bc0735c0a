/* Formats and backends whose functions are those of a program in C. */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

/* ---- A format: numbers of f64, behind their count ---- */

static const void* made;         /* memory that the format has made last */
static locum_file_bytes ended;   /* a handle whose function has returned */
static locum_file_draft written; /* the same */
static locum_status seen;        /* of a call that the format makes to be refused */
static char unit[8];             /* the option of the last load; "" if there was none */

static locum_status load(locum_file_bytes file, const locum_array* options, void* context) {
  uint64_t size = 0, count = 0;
  const char* path = NULL;
  locum_view whole;
  ended = file;
  CHECK(context == &made && options->type == LOCUM_ENCODED);
  locum_view option;
  memset(unit, 0, sizeof unit);
  if (locum_record_member(options, "unit", &option) == LOCUM_OK) {
    CHECK(option.array.type == LOCUM_CHAR && option.array.rank == 1 && option.size_bytes < sizeof unit);
    memcpy(unit, option.array.data, option.size_bytes);
    CHECK_OK(locum_view_release(&option));
  }
  if (locum_file_bytes_size(file, &size) != LOCUM_OK || locum_file_bytes_path(file, &path) != LOCUM_OK) {
    return LOCUM_SYSTEM;
  }
  CHECK(path != NULL);
  const locum_status read = locum_file_bytes_read(file, 0, &count, sizeof count);
  if (read != LOCUM_OK)
    return read; /* with its text */
  if (count > (size - sizeof count) / sizeof(double)) {
    return locum_fail(LOCUM_CORRUPT, "at byte 0: more numbers than the file has; save it again");
  }
  CHECK_OK(locum_file_bytes_view(file, &whole));
  CHECK(whole.size_bytes == size && whole.array.type == LOCUM_BYTE &&
        memcmp(whole.array.data, &count, sizeof count) == 0);
  CHECK_OK(locum_view_release(&whole));
  locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {(int64_t)count}};
  const locum_status status = locum_file_bytes_make(file, &array, NULL);
  if (status != LOCUM_OK)
    return status;
  made = array.data;
  CHECK_OK(locum_file_bytes_read(file, sizeof count, array.data, count * sizeof(double)));
  CHECK_OK(locum_file_bytes_give(file, &array));
  seen = locum_file_bytes_give(file, &array); /* once */
  return LOCUM_OK;
}

static locum_status save(const locum_array* value, locum_file_draft file, const locum_array* options,
                         void* context) {
  uint64_t count = 0, size = 0;
  written = file;
  CHECK(context == &made && options->type == LOCUM_ENCODED);
  if (value->type != LOCUM_F64 || value->rank != 1) {
    return locum_fail(LOCUM_TYPE_MISMATCH, "this format holds arrays of f64 with one dimension");
  }
  CHECK_OK(locum_file_draft_write(file, &count, sizeof count));
  for (int64_t at = 0; at < value->extents[0]; ++at) {
    const char* const number = (const char*)value->data + at * value->strides[0];
    CHECK_OK(locum_file_draft_write(file, number, sizeof(double)));
    ++count;
  }
  CHECK_OK(locum_file_draft_size(file, &size));
  CHECK(size == (count + 1) * sizeof(double));
  CHECK_STATUS(locum_file_draft_write_at(file, size - 7, &count, sizeof count), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_file_draft_write_at(file, 0, &count, sizeof count));
  return LOCUM_OK;
}

static bool recognises(const void* first, size_t count, void* context) {
  uint64_t numbers = 0;
  CHECK(context == &made && count <= 512);
  if (count < sizeof numbers)
    return false;
  memcpy(&numbers, first, sizeof numbers);
  return numbers == 2;
}

static const char* const endings[] = {".dbl", ".numbers", NULL};
static const locum_format_option options[] = {{"unit", "of the numbers"}, {NULL, NULL}};
static const locum_format format = {.name = "numbers",
                                    .endings = endings,
                                    .holds = "numbers",
                                    .options = options,
                                    .load = load,
                                    .save = save,
                                    .context = &made,
                                    .recognises = recognises};

static locum_status lazy(locum_file_bytes file, const locum_array* chosen, void* context) {
  (void)file, (void)chosen, (void)context;
  return LOCUM_OK; /* and gives nothing */
}

static locum_status odd(locum_file_bytes file, const locum_array* chosen, void* context) {
  (void)file, (void)chosen, (void)context;
  return (locum_status)77;
}

static void own_format(void) {
  locum_files files;
  locum_view view;
  double numbers[4] = {1, 2, 3, 4};
  locum_array array = {
      .type = LOCUM_F64, .rank = 1, .extents = {2}, .strides = {16}, .data = numbers}; /* 1, 3 */
  CHECK_OK(locum_register_format(&format));
  CHECK_STATUS(locum_register_format(&format), LOCUM_KEY_EXISTS);
  CHECK_OK(locum_files_open("memory:", &files));
  CHECK_OK(locum_files_save(files, "a.dbl", &array, NULL));
  CHECK_OK(locum_files_load(files, "a.dbl", NULL, &view));
  CHECK(view.array.extents[0] == 2 && ((const double*)view.array.data)[1] == 3);
  CHECK(view.array.data == made); /* no copy was made */
  CHECK(seen == LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_files_load(files, "a.dbl", &(locum_file_options){.options = "unit=m"}, &view));
  CHECK(strcmp(unit, "m") == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_files_load(files, "a.dbl", &(locum_file_options){.options = "colour=red"}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "unit") != NULL);
  CHECK_OK(locum_files_info(files, "a.dbl", NULL, &view));
  CHECK_OK(locum_view_release(&view));

  /* Handles are refused when their function has returned. */
  uint64_t size;
  CHECK_STATUS(locum_file_bytes_size(ended, &size), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_file_bytes_give(ended, &array), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_file_bytes_view(ended, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_file_draft_write(written, numbers, 8), LOCUM_INVALID_ARGUMENT);

  /* Errors of the functions are those of the calls. */
  array.type = LOCUM_I64;
  CHECK_STATUS(locum_files_save(files, "b.dbl", &array, NULL), LOCUM_TYPE_MISMATCH);
  CHECK(strstr(locum_error_message(), "holds arrays of f64") != NULL);
  CHECK(strstr(locum_error_message(), "b.dbl") != NULL);
  const locum_array damaged = {.type = LOCUM_BYTE, .rank = 1, .extents = {9}, .data = "\1\0\0\0\0\0\0\0x"};
  CHECK_OK(locum_files_save(files, "b.dbl", &damaged, &(locum_file_options){.format = "bytes"}));
  CHECK_STATUS(locum_files_load(files, "b.dbl", NULL, &view), LOCUM_CORRUPT);
  CHECK(strstr(locum_error_message(), "at byte 0: more numbers") != NULL);
  const locum_array cut = {.type = LOCUM_BYTE, .rank = 1, .extents = {3}, .data = "abc"};
  CHECK_OK(locum_files_save(files, "b.dbl", &cut, &(locum_file_options){.format = "bytes"}));
  CHECK_STATUS(locum_files_load(files, "b.dbl", NULL, &view), LOCUM_CORRUPT);
  CHECK(strstr(locum_error_message(), "ends at byte 3") != NULL);

  /* What is in a file of an ending that no format has is recognised, and not loaded. */
  CHECK_OK(locum_files_copy(files, "a.dbl", "a.unknown", NULL));
  CHECK_STATUS(locum_files_load(files, "a.unknown", NULL, &view), LOCUM_UNSUPPORTED);
  CHECK(strstr(locum_error_message(), "looks like numbers: name") != NULL);
  CHECK_OK(locum_files_copy(files, "b.dbl", "b.unknown", NULL));
  CHECK_STATUS(locum_files_load(files, "b.unknown", NULL, &view), LOCUM_UNSUPPORTED);
  CHECK(strstr(locum_error_message(), "looks like") == NULL);

  locum_format other = {.name = "lazy", .endings = (const char* const[]){".lazy", NULL}, .load = lazy};
  CHECK_OK(locum_register_format(&other));
  other = (locum_format){.name = "odd", .endings = (const char* const[]){".odd", NULL}, .load = odd};
  CHECK_OK(locum_register_format(&other));
  CHECK_STATUS(locum_files_save(files, "c.lazy", &array, NULL), LOCUM_UNSUPPORTED);
  CHECK_OK(locum_files_copy(files, "b.dbl", "c.lazy", NULL));
  CHECK_OK(locum_files_copy(files, "b.dbl", "c.odd", NULL));
  CHECK_STATUS(locum_files_load(files, "c.lazy", NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "has given no value") != NULL);
  CHECK_STATUS(locum_files_load(files, "c.odd", NULL, &view), LOCUM_CANCELLED);
  CHECK(strstr(locum_error_message(), "77") != NULL);
  CHECK_OK(locum_files_close(&files));
}

/* A Record is taken apart, member by member. */
static void members(void) {
  locum_files files;
  locum_view info, extents, member;
  const double numbers[6] = {0, 1, 2, 3, 4, 5};
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = (void*)numbers};
  const locum_array text = {
      .type = LOCUM_CHAR, .rank = 1, .extents = {22}, .data = "{\"a\":{\"b\":2.5},\"c\":[]}"};
  CHECK_OK(locum_files_open("memory:", &files));
  CHECK_OK(locum_files_save(files, "T.npy", &array, NULL));
  CHECK_OK(locum_files_info(files, "T.npy", NULL, &info));
  CHECK_OK(locum_record_member(&info.array, "bytes", &member));
  CHECK(member.array.type == LOCUM_I64 && *(const int64_t*)member.array.data > 48 && member.key.serial == 0);
  CHECK_OK(locum_view_release(&member));
  CHECK_OK(locum_record_member(&info.array, "type", &member));
  CHECK(member.array.type == LOCUM_CHAR && memcmp(member.array.data, "f64", 3) == 0);
  CHECK_OK(locum_view_release(&member));
  CHECK_OK(locum_record_member(&info.array, "extents", &extents));
  CHECK(extents.array.type == LOCUM_ENCODED);
  CHECK_STATUS(locum_record_member(&extents.array, "a", &member), LOCUM_TYPE_MISMATCH);
  CHECK_OK(locum_view_release(&extents));
  CHECK_STATUS(locum_record_member(&info.array, "colour", &member), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "colour") != NULL);
  CHECK_STATUS(locum_view_release(&member), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_record_member(&info.array, NULL, &member), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_record_member(&info.array, "type", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_record_member(&array, "type", &member), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_view_release(&info));

  CHECK_OK(locum_files_save(files, "c.json", &text, &(locum_file_options){.format = "text"}));
  CHECK_OK(locum_files_load(files, "c.json", NULL, &info));
  CHECK_OK(locum_record_member(&info.array, "a", &extents));
  CHECK_OK(locum_record_member(&extents.array, "b", &member));
  CHECK(member.array.type == LOCUM_F64 && *(const double*)member.array.data == 2.5);
  CHECK_OK(locum_view_release(&member));
  CHECK_OK(locum_view_release(&extents));
  CHECK_OK(locum_view_release(&info));
  CHECK_OK(locum_files_close(&files));
}

static void wrong_formats(void) {
  locum_format wrong = format;
  CHECK_STATUS(locum_register_format(NULL), LOCUM_INVALID_ARGUMENT);
  const char* const names[] = {NULL, "", "Numbers", "a b"};
  for (size_t at = 0; at < sizeof names / sizeof *names; ++at) {
    wrong.name = names[at];
    CHECK_STATUS(locum_register_format(&wrong), LOCUM_INVALID_ARGUMENT);
  }
  wrong.name = "others";
  CHECK_STATUS(locum_register_format(&wrong), LOCUM_KEY_EXISTS);
  CHECK(strstr(locum_error_message(), "the ending .dbl") != NULL);
  const char* const bad[] = {"dbl", ".", ".DBL", "./x"};
  for (size_t at = 0; at < sizeof bad / sizeof *bad; ++at) {
    wrong.endings = (const char* const[]){bad[at], NULL};
    CHECK_STATUS(locum_register_format(&wrong), LOCUM_INVALID_ARGUMENT);
  }
  wrong.endings = (const char* const[]){".npy", NULL};
  CHECK_STATUS(locum_register_format(&wrong), LOCUM_KEY_EXISTS);
  wrong = format;
  wrong.name = "npy";
  wrong.endings = (const char* const[]){".other", NULL};
  CHECK_STATUS(locum_register_format(&wrong), LOCUM_KEY_EXISTS);
  CHECK(strstr(locum_error_message(), "the name") != NULL);
  wrong.name = "no_functions";
  wrong.load = NULL;
  wrong.save = NULL;
  CHECK_STATUS(locum_register_format(&wrong), LOCUM_INVALID_ARGUMENT);
  wrong = format;
  wrong.reserved[2] = 1;
  CHECK_STATUS(locum_register_format(&wrong), LOCUM_UNSUPPORTED);
}

/* ---- A backend: a few records in memory of the process ---- */

enum { most_records = 64 };
static struct {
  char key[300];
  char* bytes;
  size_t size;
} records[most_records];
static int opened_backends = 0;
static bool is_away = false;      /* whether its server does not answer */
static bool cuts_records = false; /* whether it loses the last byte */
static locum_answer last_answer;

static int place_of(const char* key) {
  for (int at = 0; at < most_records; ++at) {
    if (records[at].bytes != NULL && strcmp(records[at].key, key) == 0)
      return at;
  }
  return -1;
}

static locum_status open_box(const char* url, void* context, void** opened) {
  if (strstr(url, "nowhere") != NULL)
    return locum_fail(LOCUM_PEER_LOST, "there is no box; buy one");
  CHECK(context == records);
  ++opened_backends;
  *opened = records;
  return LOCUM_OK;
}

static void close_box(void* opened) {
  CHECK(opened == records);
  --opened_backends;
}

static locum_status get(void* opened, const char* key, locum_answer answer, double left_s) {
  const int at = place_of(key);
  void* memory;
  last_answer = answer;
  CHECK(opened == records && left_s > 0);
  if (is_away)
    return locum_fail(LOCUM_TIMEOUT, "the box does not open");
  if (at < 0)
    return LOCUM_NOT_FOUND;
  const size_t size = records[at].size - (cuts_records ? 1 : 0);
  CHECK_STATUS(locum_answer_key(answer, key), LOCUM_INVALID_ARGUMENT);
  const locum_status status = locum_answer_memory(answer, size, &memory);
  if (status != LOCUM_OK)
    return status;
  memcpy(memory, records[at].bytes, size);
  return LOCUM_OK;
}

static locum_status put(void* opened, const char* key, const locum_text* parts, size_t count, double left_s) {
  int at = place_of(key);
  size_t size = 0;
  CHECK(opened == records && left_s > 0 && strlen(key) < sizeof records[0].key);
  for (int free_one = 0; at < 0 && free_one < most_records; ++free_one) {
    if (records[free_one].bytes == NULL)
      at = free_one;
  }
  if (at < 0)
    return locum_fail(LOCUM_OUT_OF_MEMORY, "the box is full");
  for (size_t part = 0; part < count; ++part)
    size += parts[part].length;
  free(records[at].bytes);
  records[at].bytes = malloc(size + 1);
  records[at].size = 0;
  strcpy(records[at].key, key);
  for (size_t part = 0; part < count; ++part) {
    memcpy(records[at].bytes + records[at].size, parts[part].first, parts[part].length);
    records[at].size += parts[part].length;
  }
  return LOCUM_OK;
}

static locum_status take_out(void* opened, const char* key, bool* existed, double left_s) {
  const int at = place_of(key);
  CHECK(opened == records && left_s > 0);
  *existed = at >= 0;
  if (at >= 0) {
    free(records[at].bytes);
    records[at].bytes = NULL;
  }
  return LOCUM_OK;
}

static locum_status keys(void* opened, const char* prefix, locum_answer answer, double left_s) {
  void* memory;
  CHECK(opened == records && left_s > 0 && strchr(prefix, '/') != NULL);
  CHECK_STATUS(locum_answer_memory(answer, 1, &memory), LOCUM_INVALID_ARGUMENT);
  for (int at = 0; at < most_records; ++at) { /* more than were asked for, and twice */
    if (records[at].bytes != NULL) {
      CHECK_OK(locum_answer_key(answer, records[at].key));
      CHECK_OK(locum_answer_key(answer, records[at].key));
    }
  }
  return LOCUM_OK;
}

static const locum_backend box = {.scheme = "box",
                                  .open = open_box,
                                  .close = close_box,
                                  .get = get,
                                  .put = put,
                                  .remove = take_out,
                                  .keys = keys,
                                  .context = records};

static void own_backend(void) {
  locum_store store;
  locum_files files;
  locum_view view;
  locum_names names;
  double numbers[4] = {1, 2, 3, 4};
  const locum_array array = {.type = LOCUM_F64, .rank = 1, .extents = {4}, .data = numbers};
  int64_t before = -1;
  bool existed;
  CHECK_OK(locum_register_backend(&box));
  CHECK_STATUS(locum_register_backend(&box), LOCUM_KEY_EXISTS);
  CHECK_STATUS(locum_open("box:nowhere", NULL, &store), LOCUM_PEER_LOST);
  CHECK(strstr(locum_error_message(), "buy one") != NULL);
  CHECK_OK(locum_open("box:somewhere", NULL, &store));
  CHECK_OK(locum_put(store, "T/0 and \xc3\xa9", &array, NULL, NULL));
  CHECK_STATUS(locum_put(store, "T/0 and \xc3\xa9", &array, NULL, NULL), LOCUM_KEY_EXISTS);
  CHECK_OK(locum_get(store, "T/0 and \xc3\xa9", NULL, &view));
  CHECK(view.array.extents[0] == 4 && ((const double*)view.array.data)[3] == 4);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_fetch_add(store, "n", 5, 0, NULL));
  CHECK_OK(locum_fetch_add(store, "n", 2, 0, &before));
  CHECK(before == 5);
  CHECK_OK(locum_keys(store, "T", 0, &names));
  CHECK(names.count == 1 && strcmp(names.names[0].first, "T/0 and \xc3\xa9") == 0);
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_evict(store, "n", 0, &existed));
  CHECK(existed);
  CHECK_STATUS(locum_get(store, "n", NULL, &view), LOCUM_NOT_FOUND);
  void* memory;
  CHECK_STATUS(locum_answer_memory(last_answer, 1, &memory), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_answer_key(last_answer, "a"), LOCUM_INVALID_ARGUMENT);

  is_away = true;
  CHECK_STATUS(locum_get(store, "T/0 and \xc3\xa9", NULL, &view), LOCUM_TIMEOUT);
  CHECK(strstr(locum_error_message(), "the box does not open") != NULL);
  is_away = false;
  cuts_records = true;
  CHECK_STATUS(locum_get(store, "T/0 and \xc3\xa9", NULL, &view), LOCUM_CORRUPT);
  CHECK(strstr(locum_error_message(), "box:") != NULL);
  cuts_records = false;
  CHECK_OK(locum_evict(store, "T/0 and \xc3\xa9", 0, NULL));
  CHECK_OK(locum_store_release(&store));

  CHECK_OK(locum_files_open("memory:", &files));
  CHECK_OK(locum_files_add(files, "box", "box:files"));
  CHECK_OK(locum_files_save(files, "run/T.npy", &array, &(locum_file_options){.backend = "box"}));
  CHECK_OK(locum_files_load(files, "run/T.npy", &(locum_file_options){.backend = "box"}, &view));
  CHECK(((const double*)view.array.data)[2] == 3);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_files_list(files, "run", NULL, false, "box", &names));
  CHECK(names.count == 1 && strcmp(names.names[0].first, "run/T.npy") == 0);
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_files_close(&files));
  CHECK(opened_backends == 0);
  for (int at = 0; at < most_records; ++at)
    free(records[at].bytes);
}

static void wrong_backends(void) {
  locum_store store;
  locum_backend wrong = box;
  CHECK_STATUS(locum_register_backend(NULL), LOCUM_INVALID_ARGUMENT);
  const char* const schemes[] = {NULL, "", "Box", "1box", "a+b", "a:"};
  for (size_t at = 0; at < sizeof schemes / sizeof *schemes; ++at) {
    wrong.scheme = schemes[at];
    CHECK_STATUS(locum_register_backend(&wrong), LOCUM_INVALID_ARGUMENT);
  }
  wrong.scheme = "file";
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_KEY_EXISTS);
  wrong.scheme = "memory";
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_KEY_EXISTS);
  wrong = (locum_backend){.scheme = "none"};
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_INVALID_ARGUMENT);
  wrong = box;
  wrong.scheme = "small";
  wrong.longest_name = 63;
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_INVALID_ARGUMENT);
  wrong.longest_name = 0;
  wrong.largest_record = 1;
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_INVALID_ARGUMENT);
  wrong.largest_record = 0;
  wrong.shared_by = 3;
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_INVALID_ARGUMENT);
  wrong.shared_by = LOCUM_BY_HOSTS;
  wrong.reserved[0] = 1;
  CHECK_STATUS(locum_register_backend(&wrong), LOCUM_UNSUPPORTED);
  CHECK_STATUS(locum_open("small:", NULL, &store), LOCUM_UNSUPPORTED);
}

int main(void) {
  own_format();
  members();
  wrong_formats();
  own_backend();
  wrong_backends();
  return failures == 0 ? 0 : 1;
}
