/* Arrays of Zarr: what a program in C makes, writes and reads. */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"

static locum_files files;

static bool text_is(locum_text text, const char *expected) {
  return text.length == strlen(expected) && memcmp(text.first, expected, text.length) == 0;
}

/* {"unit": "K"}, as a stored Record. */
static const unsigned char unit_bytes[] = {1, 11, 1, 0, 0, 0,   0,   0,   0,   0, 4, 0, 0, 0, 0, 0, 0,
                                           0, 'u', 'n', 'i', 't', 7, 1, 0, 0, 0, 0, 0, 0, 0, 'K'};
static const locum_array unit = {.type = LOCUM_ENCODED,
                                 .rank = 1,
                                 .extents = {sizeof unit_bytes},
                                 .data = (void *)(uintptr_t)unit_bytes,
                                 .type_name = {"locum.record", 12}};

static bool has_unit(locum_zarr array) {
  locum_view attributes, member;
  CHECK_OK(locum_zarr_attributes(array, &attributes));
  const bool has =
      locum_record_member(&attributes.array, "unit", &member) == LOCUM_OK && member.array.type == LOCUM_CHAR &&
      text_is((locum_text){member.array.data, (size_t)member.array.extents[0]}, "K");
  if (has) {
    CHECK_OK(locum_view_release(&member));
  }
  CHECK_OK(locum_view_release(&attributes));
  return has;
}

static void layouts(void) {
  const float fill = -1.5F;
  const locum_array filled = {.type = LOCUM_F32, .data = (void *)(uintptr_t)&fill};
  const locum_zarr_layout layout = {.type = LOCUM_F32,
                                    .rank = 2,
                                    .shape = {10, 6},
                                    .chunks = {2, 3},
                                    .shards = {4, 6},
                                    .codecs = "crc32c",
                                    .fill = &filled,
                                    .dimensions = (const char *const[]){"y", "x"},
                                    .attributes = &unit};
  locum_zarr array, again;
  locum_zarr_info info;
  locum_names names;
  locum_view view;
  CHECK_OK(locum_zarr_create(files, "a/T.zarr", &layout, NULL, &array));
  CHECK_STATUS(locum_zarr_create(files, "a/T.zarr", &layout, NULL, &again), LOCUM_KEY_EXISTS);
  CHECK(again == NULL);
  CHECK_OK(locum_zarr_open(files, "a/T.zarr", NULL, &again));
  CHECK_OK(locum_zarr_info_get(again, &info));
  CHECK(info.type == LOCUM_F32 && info.rank == 2 && info.version == 3);
  CHECK(info.shape[0] == 10 && info.shape[1] == 6 && info.shape[2] == 0);
  CHECK(info.chunks[0] == 2 && info.chunks[1] == 3 && info.files[0] == 4 && info.files[1] == 6);
  CHECK_OK(locum_zarr_dimensions(again, &names));
  CHECK(names.count == 2 && text_is(names.names[0], "y") && text_is(names.names[1], "x"));
  CHECK_OK(locum_names_release(&names));
  CHECK(has_unit(array) && has_unit(again));
  CHECK_OK(locum_zarr_load(again, NULL, &view));
  CHECK(view.array.type == LOCUM_F32 && view.array.rank == 2 && view.size_bytes == 240);
  CHECK(((const float *)view.array.data)[59] == -1.5F);
  CHECK_OK(locum_zarr_close(&again));
  CHECK(again == NULL);
  CHECK(((const float *)view.array.data)[0] == -1.5F); /* the view stays */
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_zarr_info_get(again, &info), LOCUM_INVALID_ARGUMENT);

  /* A part of a file, which is refused by default; and two rows more. */
  const float nine = 9;
  float last[12] = {0};
  const locum_array one = {.type = LOCUM_F32, .rank = 2, .extents = {1, 1}, .data = (void *)&nine};
  const locum_array rows = {.type = LOCUM_F32, .rank = 2, .extents = {2, 6}, .data = last};
  CHECK_STATUS(locum_zarr_write(array, &one, &(locum_zarr_write_options){.start = {1, 1}}),
               LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_zarr_write(
      array, &one, &(locum_zarr_write_options){.start = {1, 1}, .partial = 1, .deadline_s = 60}));
  last[11] = 7;
  CHECK_OK(locum_zarr_append(array, &rows, 60));
  CHECK_STATUS(locum_zarr_append(array, &one, 0), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_zarr_load(array, NULL, &view));
  CHECK(view.size_bytes == 288 && ((const float *)view.array.data)[7] == 9);
  CHECK(((const float *)view.array.data)[71] == 7);
  CHECK_OK(locum_view_release(&view));

  CHECK_OK(locum_zarr_resize(array, 2, (const int64_t[]){16, 6}));
  CHECK_OK(locum_zarr_open(files, "a/T.zarr", NULL, &again));
  CHECK_OK(locum_zarr_info_get(again, &info));
  CHECK(info.shape[0] == 16);
  CHECK_STATUS(locum_zarr_load(again, &(locum_zarr_read_options){.strict = 1}, &view), LOCUM_NOT_FOUND);
  CHECK_OK(locum_zarr_load(
      again, &(locum_zarr_read_options){.box = {.rank = 2, .start = {1, 1}, .count = {1, 1}}, .strict = 1}, &view));
  CHECK(((const float *)view.array.data)[0] == 9);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_zarr_resize(array, 1, (const int64_t[]){12}), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_resize(array, 2, (const int64_t[]){12, -6}), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_resize(array, 9, (const int64_t[9]){0}), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_zarr_close(&again));
  CHECK_OK(locum_zarr_close(&array));

  /* What is left out is chosen; version 2. */
  CHECK_OK(locum_zarr_create(files, "chosen.zarr",
                             &(locum_zarr_layout){.type = LOCUM_F64,
                                                  .rank = 1,
                                                  .shape = {3000000},
                                                  .codecs = "",
                                                  .version = 2},
                             NULL, &array));
  CHECK_OK(locum_zarr_info_get(array, &info));
  CHECK(info.version == 2 && info.chunks[0] == 131072 && info.files[0] == 131072);
  CHECK_OK(locum_zarr_dimensions(array, &names));
  CHECK(names.count == 0);
  CHECK_OK(locum_names_release(&names));
  CHECK(!has_unit(array));
  CHECK_OK(locum_zarr_set_attributes(array, &unit));
  CHECK(has_unit(array));
  CHECK_OK(locum_zarr_close(&array));
}

static void elements(void) {
  double all[4][6], read[2][2];
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 6; ++x)
      all[y][x] = 10 * y + x;
  locum_zarr array;
  CHECK_OK(locum_zarr_create(
      files, "U.zarr",
      &(locum_zarr_layout){.type = LOCUM_F64, .rank = 2, .shape = {4, 6}, .chunks = {2, 3}, .codecs = ""}, NULL,
      &array));
  const locum_array whole = {.type = LOCUM_F64, .rank = 2, .extents = {4, 6}, .data = all};
  CHECK_OK(locum_zarr_write(array, &whole, NULL));

  const locum_array into = {.type = LOCUM_F64, .rank = 2, .extents = {2, 2}, .data = read};
  const locum_zarr_read_options box = {
      .box = {.rank = 2, .start = {1, 1}, .count = {2, 2}, .stride = {2, 3}}};
  CHECK_OK(locum_zarr_read(array, &into, &box));
  CHECK(read[0][0] == 11 && read[0][1] == 14 && read[1][0] == 31 && read[1][1] == 34);
  /* The same backwards, in memory with strides. */
  CHECK_OK(locum_zarr_read(
      array,
      &(locum_array){
          .type = LOCUM_F64, .rank = 2, .extents = {2, 2}, .strides = {-16, -8}, .data = &read[1][1]},
      &box));
  CHECK(read[1][1] == 11 && read[1][0] == 14 && read[0][1] == 31 && read[0][0] == 34);

  /* A file, of a part of the caller's memory; and all files, of one element. */
  const double half = 2.5;
  CHECK_OK(locum_zarr_write(array,
                            &(locum_array){.type = LOCUM_F64,
                                           .rank = 2,
                                           .extents = {2, 3},
                                           .strides = {sizeof all[0], sizeof all[0][0]},
                                           .data = &all[0][0]},
                            &(locum_zarr_write_options){.start = {2, 3}}));
  locum_view view;
  CHECK_OK(locum_zarr_load(array, NULL, &view));
  CHECK(((const double *)view.array.data)[2 * 6 + 3] == 0 && ((const double *)view.array.data)[3 * 6 + 5] == 12);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_zarr_write(array,
                            &(locum_array){.type = LOCUM_F64,
                                           .rank = 2,
                                           .extents = {4, 6},
                                           .strides = {LOCUM_REPEAT, LOCUM_REPEAT},
                                           .data = (void *)(uintptr_t)&half},
                            NULL));
  CHECK_OK(locum_zarr_read(array, &into, &box));
  CHECK(read[0][0] == 2.5 && read[1][1] == 2.5);

  CHECK_STATUS(locum_zarr_write(array, &into, &(locum_zarr_write_options){.start = {1, 0}}),
               LOCUM_INVALID_ARGUMENT);
  CHECK(strstr(locum_error_message(), "in part") != NULL);
  CHECK_STATUS(locum_zarr_write(array, &whole, &(locum_zarr_write_options){.start = {2, 0}}),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_write(array, &whole, &(locum_zarr_write_options){.start = {-2, 0}}),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_write(array, &(locum_array){.type = LOCUM_F32, .rank = 2, .extents = {4, 6}, .data = all},
                                NULL),
               LOCUM_TYPE_MISMATCH);
  CHECK_STATUS(locum_zarr_read(array, &into, NULL), LOCUM_INVALID_ARGUMENT); /* of other extents */
  CHECK_STATUS(
      locum_zarr_load(
          array, &(locum_zarr_read_options){.box = {.rank = 2, .start = {3, 0}, .count = {2, 1}}}, &view),
      LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT); /* it holds nothing */
  CHECK_STATUS(locum_zarr_load(array, &(locum_zarr_read_options){.box = {.rank = 1, .count = {2}}}, &view),
               LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_zarr_close(&array));
}

/* What another handle writes between the prefetch and the read is seen by a read that nothing was read ahead for. */
static void reads_ahead(void) {
  double now[4] = {0}, read[2] = {0};
  const locum_array all = {.type = LOCUM_F64, .rank = 1, .extents = {4}, .data = now};
  const locum_array into = {.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = read};
  const locum_zarr_read_options box = {.box = {.rank = 1, .start = {1}, .count = {2}}};
  locum_zarr array, other;
  locum_view view;
  CHECK_OK(locum_zarr_create(
      files, "ahead.zarr",
      &(locum_zarr_layout){.type = LOCUM_F64, .rank = 1, .shape = {4}, .chunks = {4}, .codecs = ""}, NULL,
      &array));
  CHECK_OK(locum_zarr_open(files, "ahead.zarr", NULL, &other));
  bool was_ahead[2] = {false, false};
  const time_t end = time(NULL) + 60;
  for (int round = 1; !(was_ahead[0] && was_ahead[1]) && time(NULL) < end; ++round) {
    const double before = now[1];
    CHECK_OK(locum_zarr_prefetch(array, &box));
    now[1] = round;
    CHECK_OK(locum_zarr_write(other, &all, NULL));
    if (round % 2 == 0) {
      CHECK_OK(locum_zarr_read(array, &into, &box));
    } else {
      CHECK_OK(locum_zarr_load(array, &box, &view));
      CHECK(view.array.rank == 1 && view.array.extents[0] == 2);
      read[0] = ((const double *)view.array.data)[0];
      CHECK_OK(locum_view_release(&view));
    }
    CHECK(read[0] == round || read[0] == before);
    was_ahead[round % 2] = was_ahead[round % 2] || read[0] == before;
    CHECK_OK(locum_zarr_read(array, &into, &box)); /* once */
    CHECK(read[0] == round);
  }
  CHECK(was_ahead[0] && was_ahead[1]);
  CHECK_STATUS(locum_zarr_prefetch(array, &(locum_zarr_read_options){.box = {.rank = 1, .start = {3}, .count = {2}}}),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_prefetch(array, &(locum_zarr_read_options){.reserved = {1}}), LOCUM_UNSUPPORTED);
  CHECK_OK(locum_zarr_prefetch(array, NULL)); /* all of it */
  CHECK_OK(locum_zarr_close(&other));
  CHECK_OK(locum_zarr_close(&array));
  CHECK_STATUS(locum_zarr_prefetch(array, &box), LOCUM_INVALID_ARGUMENT);
}

static void one_element(void) {
  int32_t number = 7, read = 0;
  locum_zarr array;
  const locum_array one = {.type = LOCUM_I32, .data = &number};
  CHECK_OK(locum_zarr_create(files, "one.zarr", &(locum_zarr_layout){.type = LOCUM_I32, .codecs = ""}, NULL, &array));
  CHECK_OK(locum_zarr_write(array, &one, NULL));
  CHECK_OK(locum_zarr_read(array, &(locum_array){.type = LOCUM_I32, .data = &read}, NULL));
  CHECK(read == 7);
  locum_view view;
  CHECK_OK(locum_zarr_load(array, NULL, &view));
  CHECK(view.array.rank == 0 && *(const int32_t *)view.array.data == 7);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_zarr_close(&array));
}

static void mistakes(void) {
  locum_zarr array;
  locum_view view;
  const locum_zarr_layout right = {.type = LOCUM_F64, .rank = 1, .shape = {4}, .codecs = ""};
  CHECK_STATUS(locum_zarr_open(files, "none.zarr", NULL, &array), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_zarr_open(files, NULL, NULL, &array), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_open(files, "T.zarr", NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_open(files, "../T.zarr", NULL, &array), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_open(files, "T.zarr", &(locum_zarr_options){.backend = "none"}, &array),
               LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_zarr_open(files, "T.zarr", &(locum_zarr_options){.reserved = {1}}, &array),
               LOCUM_UNSUPPORTED);
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", NULL, NULL, &array), LOCUM_INVALID_ARGUMENT);
  locum_zarr_layout wrong = right;
  wrong.type = LOCUM_NO_TYPE;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong.type = LOCUM_CLASS;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_UNSUPPORTED);
  wrong = right;
  wrong.rank = 9;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong.rank = -1;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong = right;
  wrong.chunks[0] = -2;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong = right;
  wrong.version = 4;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong = right;
  wrong.reserved[3] = 1;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_UNSUPPORTED);
  wrong = right;
  wrong.dimensions = (const char *const[]){NULL};
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong = right;
  int16_t sixteen = 1;
  wrong.fill = &(locum_array){.type = LOCUM_I16, .data = &sixteen};
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  wrong = right;
  wrong.attributes = &(locum_array){.type = LOCUM_I16, .data = &sixteen};
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_INVALID_ARGUMENT);
  locum_array damaged = unit;
  damaged.extents[0] -= 3;
  wrong.attributes = &damaged;
  CHECK_STATUS(locum_zarr_create(files, "T.zarr", &wrong, NULL, &array), LOCUM_CORRUPT);
  CHECK_STATUS(locum_zarr_open(files, "T.zarr", NULL, &array), LOCUM_NOT_FOUND); /* nothing was made */

  CHECK_OK(locum_zarr_create(files, "T.zarr", &right, NULL, &array));
  CHECK_STATUS(locum_zarr_info_get(array, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_dimensions(array, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_attributes(array, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_set_attributes(array, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_read(array, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_load(array, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_load(array, &(locum_zarr_read_options){.reserved = {0, 1}}, &view), LOCUM_UNSUPPORTED);
  CHECK_STATUS(locum_zarr_write(array, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_resize(array, 1, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_append(array, NULL, 0), LOCUM_INVALID_ARGUMENT);
  locum_zarr copy = array;
  CHECK_OK(locum_zarr_close(&array));
  CHECK_STATUS(locum_zarr_close(&copy), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_close(NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_load(array, NULL, &view), LOCUM_INVALID_ARGUMENT);
}

static void groups(int32_t version) {
  const char *const path = version == 2 ? "old.zarr" : "run.zarr";
  locum_zarr_group run, below;
  locum_zarr array;
  locum_zarr_info info;
  locum_names arrays, others;
  locum_view view;
  int32_t seen = 0;
  bool is = true;
  CHECK_OK(locum_zarr_group_create(files, path, &unit, version, NULL, &run));
  CHECK_STATUS(locum_zarr_group_create(files, path, NULL, version, NULL, &below), LOCUM_KEY_EXISTS);
  CHECK(below == NULL);
  CHECK_OK(locum_zarr_group_info(run, &seen, &is));
  CHECK(seen == (version == 2 ? 2 : 3) && !is);
  CHECK_OK(locum_zarr_group_attributes(run, &view));
  CHECK(view.array.type == LOCUM_ENCODED && view.array.extents[0] == unit.extents[0]);
  CHECK_OK(locum_view_release(&view));
  const locum_zarr_layout layout = {.type = LOCUM_F64, .rank = 1, .shape = {4}, .codecs = ""};
  CHECK_OK(locum_zarr_group_create_array(run, "fields/T", &layout, &array));
  double numbers[4] = {1, 2, 3, 4};
  CHECK_OK(locum_zarr_write(array, &(locum_array){.type = LOCUM_F64, .rank = 1, .extents = {4}, .data = numbers},
                            NULL));
  CHECK_OK(locum_zarr_info_get(array, &info));
  CHECK(info.version == seen);
  CHECK_OK(locum_zarr_close(&array));
  CHECK_OK(locum_zarr_group_create_group(run, "walls", &unit, &below));
  CHECK_OK(locum_zarr_group_set_attributes(below, &unit));
  CHECK_OK(locum_zarr_group_close(&below));
  CHECK_OK(locum_zarr_group_consolidate(run));
  CHECK_OK(locum_zarr_group_close(&run));

  for (uint64_t consolidated = 0; consolidated < 2; ++consolidated) {
    CHECK_OK(locum_zarr_group_open(files, path, &(locum_zarr_group_options){.consolidated = consolidated}, &run));
    CHECK_OK(locum_zarr_group_info(run, NULL, &is));
    CHECK(is == (consolidated == 1));
    CHECK_OK(locum_zarr_group_list(run, &arrays, &others));
    CHECK(arrays.count == 0 && others.count == 2 && text_is(others.names[0], "fields") &&
          text_is(others.names[1], "walls"));
    CHECK_OK(locum_names_release(&arrays));
    CHECK_OK(locum_names_release(&others));
    CHECK_OK(locum_zarr_group_group(run, "fields", &below));
    CHECK_OK(locum_zarr_group_list(below, &arrays, NULL));
    CHECK(arrays.count == 1 && text_is(arrays.names[0], "T"));
    CHECK_OK(locum_names_release(&arrays));
    CHECK_OK(locum_zarr_group_array(below, "T", &array));
    CHECK_OK(locum_zarr_load(array, NULL, &view));
    CHECK(((const double *)view.array.data)[3] == 4);
    CHECK_OK(locum_view_release(&view));
    CHECK_OK(locum_zarr_close(&array));
    CHECK_OK(locum_zarr_group_close(&below));
    CHECK_OK(locum_zarr_group_exists(run, "fields/T", &is));
    CHECK(is);
    CHECK_OK(locum_zarr_group_exists(run, "fields/p", &is));
    CHECK(!is);
    CHECK_STATUS(locum_zarr_group_exists(run, "../T", &is), LOCUM_INVALID_ARGUMENT);
    CHECK_STATUS(locum_zarr_group_array(run, "none", &array), LOCUM_NOT_FOUND);
    CHECK_STATUS(locum_zarr_group_array(run, "fields", &array), LOCUM_INVALID_ARGUMENT);
    CHECK_STATUS(locum_zarr_group_group(run, "fields/T", &below), LOCUM_INVALID_ARGUMENT);
    CHECK_OK(locum_zarr_group_close(&run));
  }
  CHECK_STATUS(locum_zarr_group_open(files, "none.zarr", NULL, &run), LOCUM_NOT_FOUND);
  CHECK_STATUS(locum_zarr_group_open(files, NULL, NULL, &run), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_open(files, path, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_open(files, path, &(locum_zarr_group_options){.reserved = {1}}, &run),
               LOCUM_UNSUPPORTED);
  CHECK_STATUS(locum_zarr_group_create(files, "new.zarr", NULL, 4, NULL, &run), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_create(files, "new.zarr", &(locum_array){.type = LOCUM_F64, .data = numbers}, version, NULL, &run),
               LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_list(run, &arrays, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_close(&run), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_zarr_group_close(NULL), LOCUM_INVALID_ARGUMENT);
}

int main(void) {
  CHECK_OK(locum_files_open("memory:", &files));
  layouts();
  elements();
  reads_ahead();
  one_element();
  mistakes();
  groups(0);
  groups(2);
  CHECK_OK(locum_files_close(&files));
  return failures;
}
